// Watches the frame of the video: reports the browser's camera errors to Python, and presses Start on request.
// The frame itself does not report errors to Python; it only shows the browser's message, which is hidden here.
const HIDDEN = '.MuiAlert-root { display: none !important }'

export default function ({ data, parentElement, setStateValue }) {
  const host = parentElement.querySelector('.camera')
  Object.assign(host, { data, say: setStateValue })
  const timer = setInterval(() => check(host), 200)
  check(host)
  return () => clearInterval(timer)
}

function check(host) {
  const { camera, start, stop } = host.data
  // while the source changes, the old frame may still exist: use the one with this source's button labels
  const pages = [...document.querySelectorAll('iframe')]
    .filter(frame => frame.src.includes('streamlit_webrtc') && frame.contentDocument?.head)
    .map(frame => frame.contentDocument)
  const page = pages.find(one => buttonNamed(one, start)) ?? pages.find(one => buttonNamed(one, stop))
  if (!page) return
  if (!page.getElementById('fbn')) page.head.append(Object.assign(page.createElement('style'), { id: 'fbn', textContent: HIDDEN }))
  press(host, page)
  const insecure = camera && !navigator.mediaDevices ? 'Insecure' : ''
  const problem = insecure || (page.querySelector('.MuiAlert-message')?.textContent ?? '')
  if (problem === host.problem) return
  host.problem = problem
  host.say('problem', problem)
}

function buttonNamed(page, labels) {
  return [...page.querySelectorAll('button')].find(one => labels.includes(one.textContent.trim()) && !one.disabled)
}

// Presses Start, after Stop if the video plays. The count of requests is global, since this element is recreated.
function press(host, page) {
  const { camera, asked, start, stop } = host.data
  const done = (window.fbnStarted ??= {})
  done[camera] = Math.min(done[camera] ?? 0, asked)
  if (done[camera] === asked) return
  const begin = buttonNamed(page, start), end = buttonNamed(page, stop)
  if (begin) {
    done[camera] = asked
    begin.click()
  } else if (end && host.ending !== asked) {
    host.ending = asked
    end.click()
  }
}
