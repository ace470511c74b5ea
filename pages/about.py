"""About: the model card, the terms, and what this must not be used for."""

from fbn.ui import home, shell

shell.enter("About")
home.limits()
home.model_card()
