"""Live: the webcam, read as you look."""

from fbn.ui import live_page, shell

shell.enter("Live")
source, session = live_page.choose()
if source == "Webcam":
    live_page.webcam_view(session)
else:
    live_page.picture_view()
