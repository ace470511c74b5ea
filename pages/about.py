"""About: the model card, the terms, and what this must not be used for."""

from fbn.ui import about_page, shell

shell.enter("About")
about_page.limits()
about_page.model_card()
