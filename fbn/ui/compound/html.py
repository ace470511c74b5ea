"""The Compound page's HTML: bars of class sizes, the confusion matrix, galleries of pictures."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from fbn.fewshot.request import Wrong
from fbn.ui.palette import ACCENT

STYLE = """<style>
.fbn-counts{display:grid;grid-template-columns:minmax(8rem,max-content) 1fr 3rem;gap:.3rem .8rem;align-items:center;
  font-size:.875rem}
.fbn-counts i{display:block;height:.62rem;border-radius:.31rem;background:ACCENT;min-width:2px}
.fbn-counts .fbn-none{background:color-mix(in srgb,currentColor 25%,transparent)}
.fbn-counts b{font-weight:500;text-align:right;font-variant-numeric:tabular-nums}
.fbn-matrix{overflow-x:auto;padding-bottom:.4rem}
.fbn-matrix table{border-collapse:separate;border-spacing:2px;font-size:.8rem;line-height:1}
.fbn-matrix th{font-weight:400;text-align:left;white-space:nowrap;padding:0 .5rem 0 0;position:sticky;left:0;
  background:light-dark(#fff,#12151d)}
.fbn-matrix thead th{vertical-align:bottom;padding:0 0 .4rem;position:static}
.fbn-matrix thead span{writing-mode:vertical-rl;transform:rotate(180deg);display:block;margin:0 auto;line-height:1.3}
.fbn-matrix td{width:2rem;min-width:2rem;height:2rem;text-align:center;border-radius:.25rem;
  font-variant-numeric:tabular-nums;cursor:help;padding:0;border:0;
  background:color-mix(in srgb,ACCENT var(--share),color-mix(in srgb,currentColor 4%,transparent))}
.fbn-matrix td.fbn-own{box-shadow:inset 0 0 0 1.5px color-mix(in srgb,currentColor 55%,transparent);font-weight:650}
.fbn-matrix td.fbn-total{background:none;opacity:.75;cursor:default}
.fbn-matrix thead th.fbn-total span{opacity:.75}
.fbn-gallery{display:grid;grid-template-columns:repeat(auto-fill,minmax(6.2rem,1fr));gap:.9rem .7rem}
.fbn-gallery figure{margin:0}
.fbn-gallery img,.fbn-gallery i{width:100%;aspect-ratio:1;object-fit:cover;border-radius:.5rem;display:block}
.fbn-gallery i{display:grid;place-items:center;font-size:.75rem;opacity:.7;text-align:center;
  background:color-mix(in srgb,currentColor 8%,transparent)}
.fbn-gallery figcaption{font-size:.78rem;line-height:1.25;margin-top:.3rem}
.fbn-mistakes{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(16rem,100%),1fr));gap:1.1rem}
.fbn-mistakes figure{margin:0;border:1px solid color-mix(in srgb,currentColor 16%,transparent);border-radius:.6rem;
  overflow:hidden}
.fbn-pair{display:grid;grid-template-columns:1fr 1fr;gap:2px}
.fbn-pair img{width:100%;aspect-ratio:1;object-fit:cover;display:block}
.fbn-mistakes figcaption{padding:.6rem .75rem .65rem;font-size:.84rem}
.fbn-mistakes figcaption div{display:grid;grid-template-columns:2.2rem 1fr auto;gap:.1rem .3rem}
.fbn-mistakes span{opacity:.65}
.fbn-mistakes b{font-weight:600}
.fbn-mistakes em{font-style:normal;font-variant-numeric:tabular-nums;opacity:.8}
.fbn-mistakes small{display:block;margin-top:.35rem;opacity:.6;overflow:hidden;text-overflow:ellipsis;
  white-space:nowrap;font-size:.75rem}
</style>""".replace("ACCENT", ACCENT)
_LEGEND = "Rows: what a picture is. Columns: what was said. Stronger: a larger share of the row; outlined: right."


def counts(by_class: Mapping[str, int]) -> str:
    """Return bars of the number of pictures of each class."""
    maximum = max(by_class.values(), default=0) or 1
    rows = []
    for name, count in by_class.items():
        style = "" if count else ' class="fbn-none"'
        rows.append(
            f'<span>{escape(name.capitalize())}</span><i{style} style="width:{100 * count / maximum:.1f}%"></i>'
            f"<b>{count:,}</b>"
        )
    label = ", ".join(f"{name}: {count}" for name, count in by_class.items())
    return f'<div class="fbn-counts" role="img" aria-label="{escape(label)}">{"".join(rows)}</div>'


def matrix(confusion: Sequence[Sequence[int]], classes: Sequence[str], label: str) -> str:
    """Return a confusion matrix of counts, shaded by their fraction of the row.

    Args:
        confusion: [C][C] counts, rows: true class, columns: predicted class.
        classes: C class names.
        label: accessible name of the table.
    """
    head = "".join(f"<th scope='col'><span>{escape(name.capitalize())}</span></th>" for name in classes)
    body = []
    for r, row in enumerate(confusion):
        total = sum(row)
        cells = []
        for c, count in enumerate(row):
            # at most 80 %, so that the text stays readable
            shade = 80 * count / total if total else 0.0
            kind = ' class="fbn-own"' if r == c else ""
            tip = f"{classes[r]}, said to be {classes[c]}: {count} of {total}"
            cells.append(f'<td{kind} style="--share:{shade:.0f}%" title="{escape(tip)}">{count or ""}</td>')
        body.append(
            f"<tr><th scope='row'>{escape(classes[r].capitalize())}</th>{''.join(cells)}"
            f'<td class="fbn-total">{total}</td></tr>'
        )
    return (
        f'<div class="fbn-matrix"><table aria-label="{escape(label)}"><thead><tr><th></th>{head}'
        f'<th class="fbn-total"><span>Pictures</span></th></tr></thead><tbody>{"".join(body)}</tbody></table></div>'
        f'<div class="fbn-head">{_LEGEND}</div>'
    )


def gallery(pictures: Sequence[tuple[str, str]]) -> str:
    """Return thumbnails with captions.

    Args:
        pictures: URL and caption of each; the URL is "" if the picture cannot be read.
    """
    cards = []
    for source, caption in pictures:
        image = f'<img src="{source}" alt="">' if source else "<i>cannot be read</i>"
        cards.append(f"<figure>{image}<figcaption>{escape(caption)}</figcaption></figure>")
    return f'<div class="fbn-gallery">{"".join(cards)}</div>'


def mistakes(cards: Sequence[tuple[Wrong, str, str]]) -> str:
    """Return cards of wrongly classified pictures: face, activation map, predicted and true class.

    Args:
        cards: the picture's entry in the result, and URLs of the crop and of the activation map, "" if there is none.
    """
    return f'<div class="fbn-mistakes">{"".join(_mistake(*card) for card in cards)}</div>'


def _mistake(wrong: Wrong, crop: str, activation: str) -> str:
    faces = [("the face", crop), (f"where the evidence for {wrong['said']} lay", activation)]
    images = "".join(f'<img src="{src}" alt="{escape(alt)}" title="{escape(alt)}">' for alt, src in faces if src)
    lines = "".join(
        f"<span>{title}</span><b>{escape(name)}</b><em>{100 * value:.0f} %</em>"
        for title, name, value in (
            ("said", wrong["said"], wrong["probability"]),
            ("is", wrong["true"], wrong["own"]),
        )
    )
    file = escape(Path(wrong["path"]).name)
    return (
        f'<figure><div class="fbn-pair">{images}</div><figcaption><div>{lines}</div>'
        f'<small title="{file}">{file}</small></figcaption></figure>'
    )
