"""Live: predictions on the webcam's video or on a clip."""

from fbn.ui import shell
from fbn.ui.live import page

shell.enter("Live")
source, session = page.choose()
if source == "Picture":
    page.picture_view()
else:
    page.video_view(session, source)
