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
  const frame = [...document.querySelectorAll('iframe')].find(one => one.src.includes('streamlit_webrtc'))
  const page = frame?.contentDocument
  if (!page?.head || !page.querySelector('button')) return
  if (!page.getElementById('fbn')) page.head.append(Object.assign(page.createElement('style'), { id: 'fbn', textContent: HIDDEN }))
  press(host, page)
  const insecure = host.data.camera && !navigator.mediaDevices ? 'Insecure' : ''
  const alert = page.querySelector('.MuiAlert-message')?.textContent ?? ''
  const problem = insecure || alert
  if (problem === host.problem) return
  host.problem = problem
  host.say('problem', problem)
}

// Start, after Stop where it plays already. What was done outlives this element, which comes and goes with its page.
function press(host, page) {
  const { asked, start, stop } = host.data
  window.fbnStarted = Math.min(window.fbnStarted ?? 0, asked)
  if (window.fbnStarted === asked) return
  const named = words => [...page.querySelectorAll('button')].find(one => words.includes(one.textContent.trim()) && !one.disabled)
  const begin = named(start), end = named(stop)
  if (begin) {
    window.fbnStarted = asked
    begin.click()
  } else if (end && host.ending !== asked) {
    host.ending = asked
    end.click()
  }
}
