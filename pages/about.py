"""About: the model card, the terms, and what this must not be used for."""

from fbn.ui import about, shell

shell.enter("About")
about.limits()
about.model_card()
