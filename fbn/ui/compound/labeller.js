// Labels one picture at a time by click or key. The page updates at once and sends each action to Python, which
// writes it to disk and acknowledges it. Actions without acknowledgement are sent again, so that no label is lost.
const MAX_CACHED = 400

export default function ({ data, parentElement, setTriggerValue }) {
  const host = parentElement.querySelector('.labeller')
  if (!host.id_) begin(host)
  host.say = message => setTriggerValue('act', message)
  host.data = data
  if (data.heard === host.id_) host.pending = host.pending.filter(action => action.n > data.ack)
  for (const { i, file, src } of data.pictures) host.seen.set(i, { file, src })
  if (host.seen.size > MAX_CACHED) for (const i of host.seen.keys())
    if (Math.abs(i - host.at) > MAX_CACHED / 4) host.seen.delete(i)
  if (data.set !== host.set || data.jump !== host.jump) Object.assign(host, { set: data.set, jump: data.jump, at: data.at })
  draw(host)
  return listen(host)
}

// If new data follows at once, Streamlit cleans up the earlier call after the later one has started: the cleanup
// must not remove the later call's listener, or keys would not work until the next data.
function listen(host) {
  const mine = event => keys(host, event)
  document.removeEventListener('keydown', host.keys)
  document.addEventListener('keydown', mine)
  host.keys = mine
  return () => document.removeEventListener('keydown', mine)
}

function begin(host) {
  Object.assign(host, { id_: Math.random().toString(36).slice(2), n: 0, pending: [], seen: new Map(), at: 0 })
  // a clicked button must not keep the focus: Space would click it again for the next picture
  host.onmousedown = event => {
    if (document.activeElement !== host.getRootNode().host) document.activeElement?.blur()
    event.preventDefault()
  }
}

const make = (tag, className, text, more = {}) =>
  Object.assign(document.createElement(tag), { className, textContent: text ?? '', ...more })

const count = number => number.toLocaleString('en')

// the class of each picture, -1 for none, with actions that Python has not yet acknowledged
function labels(host) {
  const now = host.data.labels.slice()
  for (const action of host.pending) if (action.kind === 'label') now[action.i] = action.label
  return now
}

function draw(host) {
  const { classes, total } = host.data, now = labels(host), own = now[host.at] ?? -1
  const done = now.filter(label => label >= 0).length
  const counts = classes.map((_, c) => now.filter(label => label === c).length)
  const kept = host.querySelector('.strip')?.scrollLeft || 0
  const how = make('div', 'how')
  how.append(make('b', '', `${count(done)} of ${count(total)} labelled`))
  const track = make('div', 'track')
  const fill = make('i', '')
  fill.style.width = `${100 * done / total}%`
  track.append(fill)
  how.append(track)

  const stage = make('div', 'stage')
  stage.append(picture(host), side(host, own, counts, now))
  const hints = make('div', 'keys')
  for (const [key, words] of [['← →', 'other picture'], ['Space', 'next without a label'], ['Del', 'take the label away'],
    ['Ctrl Z', 'undo']]) {
    const hint = make('span', '')
    hint.append(make('kbd', '', key), words)
    hints.append(hint)
  }
  const focused = host.getRootNode().activeElement?.dataset?.role
  const strip = film(host, now)
  host.replaceChildren(how, stage, strip, hints)
  if (focused) host.querySelector(`[data-role="${focused}"]`)?.focus({ preventScroll: true })
  strip.scrollLeft = kept
  const current = strip.querySelector('[aria-current]')
  if (current) strip.scrollLeft = current.offsetLeft - strip.offsetLeft - strip.clientWidth / 2 + current.offsetWidth / 2
}

function picture(host) {
  const { total } = host.data, found = host.seen.get(host.at)
  const figure = make('figure', ''), frame = make('div', 'frame')
  if (!found) frame.append(make('span', '', 'Loading'))
  else if (!found.src) frame.append(make('span', '', 'This file cannot be read as a picture. It is left out of training.'))
  else frame.append(make('img', '', '', { src: found.src, alt: found.file, draggable: false }))
  const caption = make('figcaption', '')
  caption.append(make('span', '', found?.file, { title: found?.file ?? '' }), make('span', '', `${count(host.at + 1)} / ${count(total)}`))
  figure.append(frame, caption)
  return figure
}

function side(host, own, counts, now) {
  const { classes, undo, redo, total } = host.data
  const box = make('div', ''), grid = make('div', 'classes'), acts = make('div', 'acts')
  grid.setAttribute('role', 'group')
  grid.setAttribute('aria-label', 'Class of this picture')
  classes.forEach(({ name, key }, c) => {
    const button = make('button', '', '', { type: 'button', onclick: () => give(host, c) })
    button.dataset.role = `class ${c}`
    button.setAttribute('aria-pressed', own === c)
    button.setAttribute('aria-label', `${name}, ${counts[c]} so far${key ? `, key ${key}` : ''}`)
    button.append(key ? make('kbd', '', key.toUpperCase()) : '', make('span', '', name), make('small', '', count(counts[c])))
    grid.append(button)
  })
  const act = (words, role, on, onclick, title = '') => {
    const button = make('button', '', words, { type: 'button', disabled: !on, onclick, title })
    button.dataset.role = role
    acts.append(button)
  }
  act('← Back', 'back', host.at > 0, () => move(host, host.at - 1))
  act('Next →', 'next', host.at < total - 1, () => move(host, host.at + 1))
  act('Next without a label', 'skip', now.some((label, i) => label < 0 && i !== host.at), () => skip(host))
  act('Take the label away', 'clear', own >= 0, () => give(host, -1))
  act('Undo', 'undo', undo || host.pending.length, () => perform(host, { kind: 'undo' }), undo)
  act('Redo', 'redo', redo, () => perform(host, { kind: 'redo' }), redo)
  box.append(grid, acts)
  return box
}

function film(host, now) {
  const strip = make('div', 'strip')
  const near = [...host.seen.keys()].filter(i => i >= host.at - 12 && i <= host.at + 18 && i < host.data.total).sort((a, b) => a - b)
  for (const i of near) {
    const { file, src } = host.seen.get(i), label = host.data.classes[now[i]]?.name
    const button = make('button', now[i] >= 0 ? 'done' : '', '', { type: 'button', tabIndex: -1, onclick: () => move(host, i),
      title: label ? `${file}: ${label}` : file })
    button.setAttribute('aria-label', `picture ${i + 1}, ${label ?? 'no label'}`)
    if (i === host.at) button.setAttribute('aria-current', 'true')
    button.append(src ? make('img', '', '', { src, alt: '', draggable: false }) : '?')
    strip.append(button)
  }
  return strip
}

function perform(host, action) {
  host.pending.push({ ...action, n: ++host.n })
  send(host)
}

function send(host) {
  host.say({ id: host.id_, at: host.at, actions: host.pending })
  draw(host)
}

function give(host, label) {
  const found = host.seen.get(host.at)
  if (!found) return
  const i = host.at
  if (label >= 0 && i < host.data.total - 1) host.at = i + 1
  perform(host, { kind: 'label', i, file: found.file, label })
}

function move(host, at) {
  host.at = Math.min(Math.max(at, 0), host.data.total - 1)
  draw(host)
  // while an arrow key is held down, only the last position is sent to Python
  clearTimeout(host.waiting)
  host.waiting = setTimeout(() => send(host), host.seen.has(host.at + 8) || host.at + 8 >= host.data.total ? 250 : 30)
}

function skip(host) {
  const now = labels(host), after = now.findIndex((label, i) => label < 0 && i > host.at)
  const at = after >= 0 ? after : now.findIndex(label => label < 0)
  if (at >= 0) move(host, at)
}

function keys(host, event) {
  const active = document.activeElement, inside = host.getRootNode().host
  // elsewhere on the page keys keep their usual meaning
  if (active && active !== document.body && active !== inside) return
  const control = event.ctrlKey || event.metaKey, key = event.key.toLowerCase()
  if (control && key === 'z' && !event.shiftKey) perform(host, { kind: 'undo' })
  else if (control && (key === 'y' || key === 'z')) perform(host, { kind: 'redo' })
  else if (control || event.altKey) return
  else if (key === 'arrowleft') move(host, host.at - 1)
  else if (key === 'arrowright') move(host, host.at + 1)
  else if (key === ' ' && !host.getRootNode().activeElement) skip(host)
  else if (key === 'delete' || key === 'backspace') give(host, -1)
  else {
    const c = host.data.classes.findIndex(about => about.key === key)
    if (c < 0) return
    give(host, c)
  }
  event.preventDefault()
}
