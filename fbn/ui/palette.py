"""The app's colours: Okabe & Ito's, distinct under the common colour vision deficiencies, on light and dark themes."""

from fbn.vocabulary import Expression

GRAY = "#8A909C"
VERMILION = "#D55E00"
GREEN = "#009E73"
PINK = "#CC79A7"
ORANGE = "#E69F00"
BLUE = "#2F7FC4"
SKY_BLUE = "#56B4E9"

EXPRESSION_COLOURS: dict[Expression, str] = {
    Expression.NEUTRAL: GRAY,
    Expression.ANGER: VERMILION,
    Expression.DISGUST: GREEN,
    Expression.FEAR: PINK,
    Expression.HAPPINESS: ORANGE,
    Expression.SADNESS: BLUE,
    Expression.SURPRISE: SKY_BLUE,
}

#: Differences whose interval lies above 0, or below.
BETTER, WORSE = BLUE, VERMILION
#: AU bars, valence, the point in the circumplex.
ACCENT = "#6C76EA"
#: A second series, such as arousal; its lines are also dashed.
SECOND = "#C2841C"
