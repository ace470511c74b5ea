"""What WCAG AA asks of a page and a machine can see: words for pictures, contrast of text."""

from playwright.sync_api import Page

#: Pictures that a screen reader meets and has no words for: plots and images; alt="" marks decoration.
_UNNAMED = """() => {
  const shown = element => element.checkVisibility() && element.getBoundingClientRect().width > 0
  const named = element => element.getAttribute('aria-label') || element.getAttribute('aria-labelledby')
  const inside = element => element.closest('[aria-hidden=true], [role=presentation], [role=img][aria-label]')
  const images = [...document.querySelectorAll('main img, [data-testid=stMain] img')]
    .filter(image => image.getAttribute('alt') === null)
  const plots = [...document.querySelectorAll('[data-testid=stPlotlyChart]')]
    .filter(plot => !named(plot) && !plot.querySelector('[aria-label]') && !inside(plot))
  return [...images, ...plots].filter(shown).map(element => element.outerHTML.slice(0, 200))
}"""

#: Texts whose contrast with what lies behind them is below 4.5 (3 for large ones and signs), with their contrast.
_FAINT = """() => {
  const parse = text => {
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
    canvas.fillStyle = text
    canvas.fillRect(0, 0, 1, 1)
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data
    return [r, g, b, a / 255]
  }
  const over = ([r, g, b, a], back) => [r, g, b].map((value, i) => a * value + (1 - a) * back[i])
  const luminance = rgb => rgb.map(value => value / 255)
    .map(value => value <= .03928 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4)
    .reduce((sum, value, i) => sum + value * [.2126, .7152, .0722][i], 0)
  const path = element => {
    const found = []
    for (let at = element; at; at = at.parentElement) found.push(at)
    return found.reverse()
  }
  const faint = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim(), element = walker.currentNode.parentElement
    if (!text || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue
    if (element.closest('style, script, svg, canvas, [data-testid=stIconMaterial]')) continue
    if (element.closest(':disabled, [aria-disabled=true]')) continue
    // a slider's number stands inside its knob and is drawn above it
    if (element.closest('[data-testid=stSlider] [style*="left:"]')) continue
    if (element.closest('label:has(:disabled), [aria-hidden=true]')) continue
    const box = element.getBoundingClientRect()
    if (!box.width || !box.height) continue
    let back = [255, 255, 255], opacity = 1
    for (const at of path(element)) {
      const style = getComputedStyle(at)
      opacity *= +style.opacity
      back = over(parse(style.backgroundColor), back)
    }
    const style = getComputedStyle(element)
    const [r, g, b, a] = parse(style.webkitTextFillColor || style.color)
    const [light, dark] = [luminance(over([r, g, b, a * opacity], back)), luminance(back)].sort((x, y) => y - x)
    const ratio = (light + .05) / (dark + .05), size = parseFloat(style.fontSize)
    const large = size >= 24 || (size >= 18.66 && +style.fontWeight >= 700)
    const sign = !/[\\p{L}\\p{N}]/u.test(text)
    if (ratio < (large || sign ? 3 : 4.5)) faint.push(`${ratio.toFixed(2)} ${text.slice(0, 60)} <${element.className}>`)
  }
  return faint
}"""


def unnamed_pictures(page: Page) -> list[str]:
    """The beginnings of the elements of pictures and plots without words."""
    return list(page.evaluate(_UNNAMED))


def faint_texts(page: Page) -> list[str]:
    """Contrast, text and class of what is too faint to read; controls that are switched off may be."""
    return list(page.evaluate(_FAINT))
