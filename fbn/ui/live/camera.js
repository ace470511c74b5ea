// Watches the video's frame beside it: says which error the browser gave for the camera, and presses Start when asked.
// The frame itself tells Python nothing of an error; it only writes the browser's words on the page, which are hidden.
const HIDDEN = '.MuiAlert-root { display: none !important }'

export default function ({ data, parentElement, setStateValue }) {
  const host = parentElement.querySelector('.camera')
  Object.assign(host, { data, say: setStateValue })
  const timer = setInterval(() => look(host), 200)
  look(host)
  return () => clearInterval(timer)
}

function look(host) {
  const { camera, start, stop } = host.data
  // while a page changes its source, the old frame may still stand there: the one with this source's words counts
  const pages = [...document.querySelectorAll('iframe')]
    .filter(frame => frame.src.includes('streamlit_webrtc') && frame.contentDocument?.head)
    .map(frame => frame.contentDocument)
  const page = pages.find(one => named(one, start)) ?? pages.find(one => named(one, stop))
  if (!page) return
  if (!page.getElementById('fbn')) page.head.append(Object.assign(page.createElement('style'), { id: 'fbn', textContent: HIDDEN }))
  press(host, page)
  const insecure = camera && !navigator.mediaDevices ? 'Insecure' : ''
  const problem = insecure || (page.querySelector('.MuiAlert-message')?.textContent ?? '')
  if (problem === host.problem) return
  host.problem = problem
  host.say('problem', problem)
}

function named(page, words) {
  return [...page.querySelectorAll('button')].find(one => words.includes(one.textContent.trim()) && !one.disabled)
}

// Start, after Stop where it plays already. What was done outlives this element, which comes and goes with its page.
function press(host, page) {
  const { camera, asked, start, stop } = host.data
  const done = (window.fbnStarted ??= {})
  done[camera] = Math.min(done[camera] ?? 0, asked)
  if (done[camera] === asked) return
  const begin = named(page, start), end = named(page, stop)
  if (begin) {
    done[camera] = asked
    begin.click()
  } else if (end && host.ending !== asked) {
    host.ending = asked
    end.click()
  }
}
