"""Live: the webcam or a clip, read as you look."""

from fbn.ui import live_page, shell

shell.enter("Live")
source, session = live_page.choose()
if source == "Picture":
    live_page.picture_view()
else:
    live_page.video_view(session, source)
