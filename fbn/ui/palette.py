"""Colours, fixed once. Okabe & Ito's set, told apart with every common colour blindness, on light and on dark."""

from fbn.vocabulary import Expression

EXPRESSION_COLOURS: dict[Expression, str] = {
    Expression.NEUTRAL: "#8A909C",
    Expression.ANGER: "#D55E00",
    Expression.DISGUST: "#009E73",
    Expression.FEAR: "#CC79A7",
    Expression.HAPPINESS: "#E69F00",
    Expression.SADNESS: "#2F7FC4",
    Expression.SURPRISE: "#56B4E9",
}

#: One hue for everything that is not an expression: AU bars, valence, the point in the circumplex.
ACCENT = "#6C76EA"
#: Arousal beside valence: another hue, and always dashed too.
SECOND = "#C2841C"
