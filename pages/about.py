"""About: the model card, the licences, and forbidden uses."""

from fbn.ui import home, shell

shell.enter("About")
home.limits()
home.model_card()
