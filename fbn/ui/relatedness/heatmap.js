// A table of cells that can be clicked and navigated with the arrow keys, like a spreadsheet.
// Python sends rows, columns, cells and a legend, and receives {at, weight}, {block} or {step}.
const typing = /^[0-9.,]$/

export default function ({ data, parentElement, setTriggerValue }) {
  const host = parentElement.querySelector('.sheet')
  const shape = JSON.stringify([data.columns, data.rows, data.editable])
  const say = what => setTriggerValue('act', { ...what, nonce: Math.random() })
  if (host.shape !== shape) build(host, data)
  Object.assign(host, { shape, data, say })
  fill(host)
  if (data.at && !(host.at && host.pending)) mark(host, data.at)
  // a reload starts a new session without unsaved changes: the browser asks for confirmation
  window.onbeforeunload = data.unsaved ? event => event.preventDefault() : null
  return () => { window.onbeforeunload = null }
}

const make = (tag, text, more = {}) => Object.assign(document.createElement(tag), { textContent: text, ...more })

function build(host, { columns, rows, label }) {
  const table = make('table', '')
  table.setAttribute('role', 'grid')
  table.setAttribute('aria-label', label)
  const head = table.createTHead().insertRow()
  head.append(make('td', ''))
  columns.forEach((column, c) => {
    const th = make('th', '', { scope: 'col', title: column.tip })
    th.append(make('span', column.name, { className: 'name' }), make('b', column.code.slice(2)))
    th.dataset.c = c
    if (column.edge) th.className = 'edge'
    head.append(th)
  })
  const body = table.createTBody()
  rows.forEach((row, r) => {
    const tr = body.insertRow()
    if (row.edge) tr.className = 'edge'
    const th = make('th', row.name, { scope: 'row' })
    th.dataset.r = r
    tr.append(th)
    columns.forEach((column, c) => {
      const td = tr.insertCell()
      Object.assign(td.dataset, { r, c })
      td.setAttribute('role', 'gridcell')
      td.tabIndex = -1
      if (column.edge) td.className = 'edge'
      td.append(make('i', ''))
    })
    if (!row.there) tr.classList.add('away')
  })
  host.replaceChildren(table, make('div', '', { className: 'legend' }))
  host.table = table
  host.at = null
  table.onclick = event => {
    const spot = event.target.closest('td,th')
    if (!host.at || !spot || event.target.tagName === 'INPUT') return
    const [r, c] = host.at
    go(host, [+(spot.dataset.r ?? r), +(spot.dataset.c ?? c)], 0)
  }
  table.ondblclick = event => {
    if (host.data.editable && event.target.closest('td[role]')) edit(host, '')
  }
  table.onkeydown = event => keys(host, event)
  table.onpaste = event => paste(host, event)
}

const cell = (host, [r, c]) => host.table.tBodies[0].rows[r].cells[c + 1]

function fill(host) {
  const { cells, columns, rows, legend } = host.data
  host.querySelector('.legend').replaceChildren(...legend.map(({ kind, text, meaning }) => {
    const entry = make('span', '')
    entry.append(make('i', text, { className: kind }), make('b', meaning))
    return entry
  }))
  for (let r = 0; r < rows.length; r++)
    for (let c = 0; c < columns.length; c++) {
      const about = cells[`${r},${c}`] || {}, td = cell(host, [r, c]), look = JSON.stringify(about)
      if (td.look === look) continue
      td.look = look
      const mark = td.querySelector('i')
      mark.textContent = about.text || ''
      mark.className = about.kind || ''
      mark.style.setProperty('--share', about.share || 0)
      td.classList.toggle('was', about.was !== undefined)
      td.classList.toggle('noted', !!about.note)
      const words = [`${rows[r].name}, ${columns[c].code} ${columns[c].name}: ${about.tip || 'no part of it'}`]
      if (about.was !== undefined) words.push(`${host.data.base}: ${about.was}`)
      if (about.note) words.push(`note: ${about.note}`)
      td.title = words.join('\n')
      td.setAttribute('aria-label', words.join('. '))
    }
}

function mark(host, at) {
  if (host.at) {
    const [r, c] = host.at
    cell(host, host.at).tabIndex = -1
    cell(host, host.at).removeAttribute('aria-selected')
    host.table.tBodies[0].rows[r].classList.remove('on')
    host.table.tHead.rows[0].cells[c + 1].classList.remove('on')
  }
  host.at = at
  cell(host, at).tabIndex = 0
  cell(host, at).setAttribute('aria-selected', 'true')
  host.table.tBodies[0].rows[at[0]].classList.add('on')
  host.table.tHead.rows[0].cells[at[1] + 1].classList.add('on')
}

// while an arrow key is held down, only the last cell is sent to Python
function go(host, at, wait) {
  mark(host, at)
  cell(host, at).focus()
  clearTimeout(host.pending)
  host.pending = setTimeout(() => { host.pending = 0; host.say({ at }) }, wait)
}

function keys(host, event) {
  if (event.target.tagName === 'INPUT' || !host.at) return
  const [r, c] = host.at, last = [host.data.rows.length - 1, host.data.columns.length - 1]
  const steps = {
    ArrowUp: [r - 1, c], ArrowDown: [r + 1, c], ArrowLeft: [r, c - 1], ArrowRight: [r, c + 1],
    Home: [r, 0], End: [r, last[1]], PageUp: [0, c], PageDown: [last[0], c],
  }
  const control = event.ctrlKey || event.metaKey
  if (control && host.data.editable && 'zy'.includes(event.key.toLowerCase())) {
    host.say({ step: event.key.toLowerCase() === 'y' || event.shiftKey ? 'redo' : 'undo' })
  } else if (control || event.altKey) {
    return
  } else if (steps[event.key]) {
    go(host, steps[event.key].map((i, axis) => Math.min(Math.max(i, 0), last[axis])), 60)
  } else if (host.data.editable && (event.key === 'Delete' || event.key === 'Backspace')) {
    put(host, 0)
  } else if (host.data.editable && (event.key === 'Enter' || event.key === 'F2' || typing.test(event.key))) {
    edit(host, typing.test(event.key) ? event.key : '')
  } else {
    return
  }
  event.preventDefault()
}

function put(host, weight) {
  clearTimeout(host.pending)
  host.pending = 0
  host.say({ at: host.at, weight })
}

// a block from a spreadsheet is pasted from the selected cell on; values beyond the table are dropped
function paste(host, event) {
  const text = event.clipboardData.getData('text/plain').replace(/\r?\n$/, '')
  if (event.target.tagName === 'INPUT' || !host.at || !host.data.editable || !text) return
  const block = text.split(/\r?\n/).flatMap((line, r) =>
    line.split('\t').map((value, c) => [host.at[0] + r, host.at[1] + c, value]))
  clearTimeout(host.pending)
  host.pending = 0
  host.say({ block: block.filter(([r, c]) => r < host.data.rows.length && c < host.data.columns.length) })
  event.preventDefault()
}

// null: not a valid weight
function weightOf(input) {
  const weight = +input.value.trim().replace(',', '.')
  return weight >= 0 && weight <= 1 ? weight : null
}

function showMessage(host, td, text) {
  hideMessage(host)
  const message = make('p', text, { className: 'message' })
  message.setAttribute('role', 'alert')
  host.append(message)
  const sheet = host.getBoundingClientRect(), box = td.getBoundingClientRect()
  const left = box.left - sheet.left + host.scrollLeft - message.offsetWidth / 2 + box.width / 2
  const maxLeft = host.scrollLeft + host.clientWidth - message.offsetWidth
  message.style.left = `${Math.max(host.scrollLeft, Math.min(left, maxLeft))}px`
  const below = box.bottom - sheet.top + 6
  const over = box.top - sheet.top - message.offsetHeight - 6
  message.style.top = `${below + message.offsetHeight > host.clientHeight ? over : below}px`
}

const hideMessage = host => host.querySelector('.message')?.remove()

function edit(host, first) {
  hideMessage(host)
  const td = cell(host, host.at), about = host.data.cells[host.at.join()] || {}
  const input = make('input', '', {
    value: first || about.share || '', inputMode: 'decimal', title: 'a weight from 0 to 1',
  })
  input.setAttribute('aria-label', td.getAttribute('aria-label'))
  td.append(input)
  input.focus()
  if (!first) input.select()
  const close = keepMessage => {
    input.onblur = null
    input.remove()
    if (!keepMessage) { hideMessage(host); td.focus() }
  }
  const keep = () => {
    const weight = weightOf(input)
    if (weight === null) return refuse(false)
    close()
    put(host, weight)
  }
  // an invalid weight shows a message with the expected range and the weight that the cell keeps
  const refuse = left => {
    const typed = input.value.trim(), percent = +typed.replace('%', '').replace(',', '.')
    const meant = percent > 1 && percent <= 100 ? `, as ${percent / 100} for ${percent} %` : ''
    const kept = about.text || 'empty'
    input.setAttribute('aria-invalid', 'true')
    showMessage(host, td, `“${typed}” is not a weight: expected a number from 0 to 1${meant}. ` +
      (left ? `The cell keeps ${kept}.` : `Correct it, or press Esc to keep ${kept}.`))
  }
  input.onblur = () => {
    const changed = input.value !== input.defaultValue || first
    const wrong = changed && weightOf(input) === null
    if (wrong) refuse(true)
    close(wrong)
  }
  input.onkeydown = event => {
    if (event.key === 'Enter' || event.key === 'Tab') { event.preventDefault(); keep() }
    else if (event.key === 'Escape') close()
  }
}
