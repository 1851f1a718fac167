"""Words and marks, English and Chinese, by which a decision in prose is told from a mention of one.

Each pattern is matched against a little text to the left of a letter or name, up to its end, or to the right
of it, from its beginning (`envs.statements` says which). The text has lost quotes, brackets and bold type.
"""

import re


def _pattern(*parts: str) -> re.Pattern[str]:
    return re.compile("|".join(parts), re.IGNORECASE)


NOUN = (
    "(?:decisions?|answers?|actions?|choices?|labels?|letters?|options?|selections?|selected|chosen|picks?"
    "|recommendations?|conclusions?|verdicts?|responses?|outputs?|moves?|commands?|orders?|final)"
)
VERB = (
    "(?:choos(?:e|es|ing)|chose|chosen|select(?:s|ed|ing)?|pick(?:s|ed|ing)?|opt(?:s|ed|ing)?|go(?:es|ing)?|went"
    "|do|decid(?:e|es|ed|ing)|tak(?:e|es|ing)|prefers?|recommends?|suggests?|vote|answer(?:ing)?|settl(?:e|ing)"
    "|stick(?:ing)?|proceed(?:ing)?|switch(?:ing)?|respond|reply|commit|execut(?:e|ing)|perform(?:ing)?"
    "|chang(?:e|ing)|lean(?:ing)?|says?|meant?)"
)
_IS = "(?:is|are|was|be|becomes?|remains?|seems(?: to be)?|appears to be|(?:would|should|must|has to) be)"
_FILL = (
    r"(?:(?:option|decision|letter|label|choice|action|answer|number|order|to|the|with|for|on|is|be|my|our|out"
    r"|now|simply|therefore|clearly|definitely|obviously|just|go|do|take|perform|execute|choose|select|pick"
    r"|named|called|plan)\b\s*|[:=–—-]\s*)"
)
"""What may stand between a cue and the letter or name."""
_CN_NOUN = "(?:答案?|决定|决策|选择|选项|动作|行动|结论|回答|操作|建议|指令|方案)"
_CN_FILL = r"(?:选项|方案|动作|行动|字母|决策|选择|执行|进行|去|的|为|是|了|:|=|\s)*"

# to the left of what is decided
HEADING = _pattern(
    rf"\b{NOUN}(?:\s+(?:letter|label|here|now|for now|is|{NOUN}))*\s*(?:[:=–—]|\s-)\s*{_FILL}{{0,4}}$",
    rf"{_CN_NOUN}(?:应该|应当|应|就)?\s*(?:是|为|:|=){_CN_FILL}$",
)
SENTENCE = _pattern(
    rf"\b(?:{NOUN}|best|optimal|safest|wisest|one|thing|course|step|bet)\b(?:\s+[\w'%,]+){{0,8}}?"
    rf"\s+{_IS}\s+{_FILL}{{0,4}}$",
    rf"\b{VERB}\s*(?::\s*|\s){_FILL}{{0,5}}$",
    r"\b(?:it|that|this)(?:'s|\s+is|\s+must be|\s+has to be)\s+$",
    r"\bno\s*,\s*$",
    rf"\b(?:leaves|leaving|leads? (?:me|us))\s+{_FILL}{{0,3}}$|\b(?:best|primary|first)\s*:\s*$",
    r"最(?:好|佳|优|合适|合理|安全)的?(?:是|为)\s*$",
    r"\b(?:actually|instead|or rather|correction|make (?:it|that)|chang(?:e|ed) (?:it )?to)\s*[,:]?\s*$",
    r"\b(?:so|therefore|thus|hence|accordingly|consequently|conclusion)\s*[,:]?\s*(?:the\s+)?(?:option\s+)?$",
    rf"(?:选(?!项)|选择|选取|选定|采取|采用|执行|推荐|建议|决定|应为|因此|所以|故|改为){_CN_FILL}$",
)
WILL_DO = _pattern(
    r"(?:\b(?:should|must|will|shall|let's|lets|let us|needs? to|ha(?:s|ve) to|going to|time to|best to"
    r"|better to|ought to|I|we)|'ll)\s+(?:(?:now|simply|just|therefore|first)\s+)*$"
)
OPTION_LEFT = _pattern(rf"\b{NOUN}\s*,?\s+$", rf"(?:{_CN_NOUN}|选)\s*$")
BUT = _pattern(r"\bbut\s+(?:\w+\s+){0,2}$", r"(?:而|,\s*)是\s*$")
DENIED_LEFT = _pattern(
    r"\b(?:not|never|neither|nor|avoid\w*|reject\w*|rul(?:e|ed|ing) out|rather than|instead of|except|no"
    r"|against|without|cannot|refus\w*|declin\w*|exclud\w+|discard\w*|skip\w*|than|over|unlike|versus|vs"
    r"|beats?|compared (?:to|with))\b",
    r"n't\b",
    "不(?!过|但|仅|得不|犹豫|断|同|足|如)|与其|别(?!的)|勿|没有?选|而非|排除|避免|放弃|除了|比",
)
SECOND_BEST = _pattern(
    r"\b(?:second|third|2nd|3rd|alternativ\w*|alternate|backup|back-up|fallback|fall-back|runner-up"
    r"|next[- ]best|previous\w*|earlier|last round|initially|originally|at first|first thought|tempt\w*"
    r"|considered|considering|worst|rejected|secondary"
    r"|(?:was|were) (?:going|about) to|almost|other (?:option|choice)s?)\b",
    "备选|次选|其次|第二|之前|上一|原本|起初",
)
FINALLY = _pattern(
    r"\b(?:final|finally|ultimately|in the end|in conclusion|to conclude)\b", "最终|最后|综上|总之"
)
OTHERWISE = _pattern(r"\b(?:otherwise|else)\b", "否则")
AGREEING = _pattern(
    r"(?:(?:ok|okay|alright|yes|well|sure|definitely|probably|certainly|i think|i believe)\s*[,.:]?\s*)+$"
)
"""All of a sentence but the letter."""

# to the right of it
OPTION_RIGHT = _pattern(
    r"\s*(?:$|[.,:;!)\]/—–-]|[。,、]|(?:because|since|as|for|due|given|to|now)\b|因为|由于)"
)
SET_OFF = re.compile(
    r"[^\w\n]*(?:$|\n)|\s*[.:,)\]*—–-]+(?:\s|$)|\s*[。:,、(]|\s+(?:because|since|as|for|due|given|until)\b"
    r"|\s*(?:选项|项|方案)\s*(?:$|[。,])"
)
"""A letter that opens a sentence and is followed so is the answer, not a part of the sentence."""
JUDGED = _pattern(r"\s*[:-]\s*(?:no|yes)\b")
"""One of several that are judged in turn."""
PRAISED = _pattern(
    r"\s*(?:\([^()]{0,40}\)\s*)?(?:(?:is|s|seems|looks|appears|would be|will be|remains)\s+(?:to be\s+)?"
    r"(?:(?:clearly|definitely|by far|the|my|our|a|most|obviously|therefore|thus|still|only|first|what)\s+)*"
    r"(?:best|right|correct|optimal|safest|better|answer|choice|decision|wisest|prefer\w+|ideal|appropriate"
    r"|suitable|sensible|reasonable|recommended|way to go|chosen|selected|picked|one|I choose)\b"
    r"|(?:should|must|will) be (?:chosen|selected|picked|taken)\b|it is\b"
    r"|(?:wins|beats)\b|remains\s*[.!]?$|makes (?:the )?most sense)",
    r"\s*(?:(?:是|为)?最(?:好|佳|优|合适|合理|安全)|更(?:好|优|合适|合理|安全))",
)
DENIED_RIGHT = _pattern(
    r"\s*(?:is|was|would be|seems|looks|are)\s+(?:\w+\s+)?(?:not|too|never|risky|wrong|bad|worse|illegal"
    r"|unavailable|impossible|wasteful|inferior|tempting|unsafe|forbidden|invalid|second)\b",
    r"\s*(?:isn't|wasn't|won't|wouldn't|can't|cannot|doesn't|is not|does not|will not)\b",
    r"\s*(?:不|太|有风险|无法)",
)
CLAUSE_RIGHT = re.compile(r"\s+(?:is|was|would|will|has|have|can|could|may|might|does|[a-z]{3,}s)\b")
SHARE = re.compile(r"\s*[:(=]\s*\d[\d.]*\s*%?\)?\s*(?:[,;/|]|$)")
"""A share of the probability: one of several."""
RANGE = re.compile(r"\s*(?:to|through|until|–|-|\.\.\.?)\s*[A-Z](?!\w)")
WORD = re.compile(r"[ \t]+([A-Za-z0-9]+)")
AFTER_A = frozenset(
    "because since as for due given is was would will seems looks appears and or over"  # noqa: SIM905
    " instead rather with to in at now here when while so but then from if that which has gives remains"
    " than it wins makes".split()
)
"""Words that follow the letter A and never the article."""
AFTER_I = frozenset("because since is or due given over instead rather and".split())  # noqa: SIM905
"""Words that follow the letter I and never the pronoun."""

# around or between
HEDGED = _pattern(r"\b(?:if|unless|would|could|might|may|perhaps|maybe|possibly|were)\b", "如果|若|可能|也许")
TAKEN_BACK = _pattern(
    r"\b(?:wait|actually|on second thoughts?|scratch that|correction|correcting|instead(?! of)|hmm|sorry"
    r"|i change|chang(?:e|ed|ing) (?:my|to)|reconsider\w*|oops|my mistake|or rather|no,)",
    "不对|等等|更正|重新|改为|改选|修正|算了",
)
ASKED = _pattern(
    r"\W*(?:should|shall|do|does|what|which|why|is|are|can|could|would|how|if)\b",
    ".*(?:是否|还是|吗|呢|要不要)",
)
CLAUSE = re.compile(
    r"[,;]|\s[—–-]\s|\b(?:so|but|hence|therefore|thus|because|since|then|while)\b|因此|所以|但|因为"
)
SENTENCE_END = re.compile(r"[.!?](?=\s)|[。!?；;}]|\n")
LINK = _pattern(
    r"[\s*`\"')\]]*(?P<comma>[,;、]|and\b|和|与)?\s*"
    r"(?P<or>or|nor|otherwise|else|then|also|plus|as well as|followed by"
    r"|/|\||&|\+|或者?|还是|否则)?\s*"
    rf"(?:,?\s*if\s[\w %]{{1,30}},?\s*)?(?:{NOUN}\s+)?[\s*`\"'(\[]*"
)
"""Between two of several."""
APPOSED = re.compile(r"[\s*`\"'(\[:,=—–-]*(?:to\s+)?")
"""Between a letter and its name."""
DRESS = re.compile(r"[*`\"“”‘’「」『』【】()\[\]{}<>$#~_|\\]+|(?<![A-Za-z])'|'(?![A-Za-z])")
ARROW = re.compile(r"-+>|=+>|→|⇒|∴")
BEFORE, AFTER = "*`\"'“‘「『(【[<", "*`\"'”’」』)】]>"
"""What sets off a letter."""
HEADLINE = re.compile(
    rf"^[^\w\n]*((?:\w+ ){{0,3}}(?:{NOUN}|{_CN_NOUN}))[^\w\n]*\n+(?=\S)", re.IGNORECASE | re.MULTILINE
)
"""A line that is a heading, with the answer in the next."""
