"""The Coupling lab's lesson: six steps that a newcomer can follow alone."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One step of the lesson.

    Attributes:
        name: on the step's button.
        title: its headline.
        words: what it is about; Markdown.
        tries: what to do, in order; Markdown.
        seen: what one should have seen; Markdown.
    """

    name: str
    title: str
    words: str
    tries: tuple[str, ...]
    seen: str


STEPS: tuple[Step, ...] = (
    Step(
        "Mixture",
        "Two heads look at one face",
        "The network answers two questions about a face. Its expression head gives **p(e|x)**, the share of each of "
        "seven expressions. Its action-unit head gives **p(a|x)**, the probability of each movement: AU12 pulls the "
        "lip corners up, AU4 lowers the brows.\n\n"
        "The two belong together: who smiles pulls the lip corners. A *relatedness table* says so in numbers. With it, "
        "the expressions alone **imply** each action unit: add up the shares of all expressions that have it. That sum "
        "is the mixture **q(a|x)**.",
        (
            "Move the share of surprise and watch AU1, AU2, AU5, AU25 and AU26 rise with it.",
            "Choose *fear* as the second expression. All five belong to fear too, so both shares add up; AU4 and AU20 "
            "are fear's own.",
            "Switch from **Sum** to **Mean**: shared units are halved or worse, so q stays far below 1 even for a "
            "certain face.",
            "Switch to **the table's weights**: units that only some people show no longer count whole.",
        ),
        "Units of one expression follow its share. Shared units are where **sum** and **mean** part: with the mean, a "
        "face that is surely surprised *and* whose AU1 is surely there still has q(AU1) well below 1, so the loss "
        "would pull a right answer down. The papers' texts give examples of both; fbn takes the sum.",
    ),
    Step(
        "Forms",
        "How far apart are p and q? Four answers",
        "Now p (what the AU head sees) meets q (what the expressions imply). *Distribution matching* puts a number on "
        "their distance, for training to make small. The papers print one formula, their footnote names another, and "
        "two more suggest themselves. Each curve below is one of them; **its dot is the p at which it is lowest**, "
        "which is where training wants p to be.",
        (
            "Put q at 0.30 and compare the four dots. Where should a loss that *matches* have its dot?",
            "Move q slowly to 0.70. Which dots move along, which stay, which one jumps?",
            "Look at the gradient below: training pushes p up where it is under 0. Which forms never change sign?",
            "Open **Over p and q**: the orange line runs through the lowest points. A matching loss has it on the "
            "diagonal.",
        ),
        "**KL divergence** and **soft target** are lowest at p = q. **As printed**, -p ln q is a straight line in p: "
        "lowest at p = 0 whatever q is. **Cross entropy** is a straight line too, so its dot sits at 0 or at 1 and "
        "jumps as q passes 0.5. A slip in a formula is not a detail.",
    ),
    Step(
        "Descent",
        "Where each form leads",
        "A network never sees the dot; it follows the gradient, step by step. Here eight answers p start in different "
        "places and go down each form's gradient, with nothing else to hold them.",
        (
            "Guess first, with q at 0.30: in which panels do all eight lines meet, and where?",
            "Put q at 0.90. Which form now hardly moves?",
            "Put q at 0.45, then at 0.55, and watch *cross entropy*.",
        ),
        "**As printed**: every action unit goes to 0, also those that are implied. **Cross entropy**: all to 0 or all "
        "to 1. **KL** and **soft target** meet at q. In real training the AU labels pull the other way, so a wrong "
        "form does not wipe everything out: it makes action units rarer than they are, quietly.",
    ),
    Step(
        "Gradients",
        "Which head gives way",
        "p and q come from two heads of one network, so a loss between them can move either. The figure shows one "
        "action unit in one expression: sideways is p(AU12), upwards is q(AU12) = p(happiness). Rings are starts, dots "
        "are ends. You decide through which side gradients may flow.",
        (
            "**Through p**: lines run sideways. The expressions teach, the AU head learns.",
            "**Through q**: lines run up and down. Now the AU head is the teacher.",
            "**Both**, with KL: the heads meet each other half-way, on the diagonal.",
            "**Both**, with *as printed*: where does everything go? And with *cross entropy*?",
        ),
        "Let gradients through the side you trust less. **KL** with both is fbn's default, since either head may be "
        "wrong. **Soft target** with both sides open drifts into the corners, where it is cheapest to be certain; so "
        "in distillation, where it comes from, the target q is held still. **As printed** with both is cheapest where "
        "AU12 is never there or happiness is certain: neither has to do with the face.",
    ),
    Step(
        "Soft labels",
        "From action units to expressions",
        "Coupling runs the other way too. A face has AU labels but no expression label: which expression fits? **Hard "
        "co-annotation** names one only if *all* of its action units are there. **Soft co-annotation** asks how much "
        "of each expression is there, I(e|x), and turns that into shares with a softmax. Its **temperature** decides "
        "how sharp they are.",
        (
            "Leave AU6, AU12 and AU25 on: all of happiness. At temperature 1, the papers' own, how large is its share?",
            "Lower the temperature to 0.3.",
            "Take AU25 away: the hard label vanishes, the soft one only gives way a little.",
            "Compare the two hatched bars' heights: what would a network *learn* from each form, given enough steps?",
        ),
        "At temperature 1 even a perfect match gets about 0.3 of the shares, since I(e|x) lies between 0 and 1 and a "
        "softmax of such numbers is nearly flat. Lower temperatures sharpen it. The loss as printed weighs by p, so "
        "it drives the network to one expression with certainty; *soft target* teaches the shares themselves.",
    ),
    Step(
        "Training",
        "Two networks, one difference",
        "Now for real, small. Two networks start with equal weights and see equal batches of drawn faces. Most faces "
        "come with an expression label only, a few with AU labels only: that is how real data sets are. One network "
        "learns each task by itself, the other has the couplings too. Both are measured on faces that neither has "
        "seen. The time left is measured while it runs; stop when you like.",
        (
            "Start, and watch which curve leaves first.",
            "Give it 160 faces with AU labels instead of 20. Is the coupling worth as much?",
            "Train with the table whose rows are exchanged. What does a wrong prior cost?",
            "Leave only one of the three couplings on.",
        ),
        "With few AU labels the couplings lend the AU head what expression labels know. With many labels there is "
        "less to lend. A wrong table lends wrong things: the prior is a statement about faces, and it can be false. "
        "One pair is an anecdote; the Relatedness page runs several seeds in the background and gives their spread.",
    ),
)
