"""The app's entry point: `fbn app`, or `streamlit run app.py`. It only routes; see pages/ and fbn/ui."""

from fbn.ui import shell

shell.route()
