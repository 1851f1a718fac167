"""Reports in Chinese: what the declarations say in English, phrase by phrase, with the same numbers.

A phrase that is not listed stays English, so that a problem of one's own can be reported all the same.
"""

# ruff: noqa: E501  a phrase is not broken
import re
from dataclasses import replace
from functools import cache, partial

from envs.features import Feature

_NUMBER = re.compile(r"(?<![\w{.])\d[\d,]*(?:\.\d+)?(?![\w}])")
_LIMITS = (
    (re.compile(r"at least "), "至少"),
    (re.compile(r"less than 1 in "), "低于1/"),
    (re.compile(r"(?<!\d)1 in "), "1/"),
    (re.compile(r" 1 in\b"), "1/"),
)
_SIZES = (
    (re.compile(r"(\d+(?:\.\d+)?) billion"), 10, "亿"),
    (re.compile(r"(\d+(?:\.\d+)?) million"), 100, "万"),
)


def said(text: str) -> str:
    """`text` in Chinese, a number in it where the phrase has one; as it is where there is none."""
    if text in _PHRASES:
        return _PHRASES[text]
    numbers = iter(_NUMBER.findall(text))
    found = _PHRASES.get(_NUMBER.sub("#", text))
    return text if found is None else re.sub("#", lambda _: next(numbers), found)


@cache
def feature(own: Feature) -> Feature:
    """A feature with its words in Chinese; its topic is translated where it is told."""
    return replace(
        own,
        phrase=said(own.phrase),
        negative=said(own.negative),
        column=said(own.column),
        at_zero=None if own.at_zero is None else said(own.at_zero),
    )


def limits(text: str) -> str:
    """A report with what is said of limits and chances in Chinese."""
    for pattern, chinese in _LIMITS:
        text = pattern.sub(chinese, text)
    for pattern, size, name in _SIZES:
        text = pattern.sub(partial(_sized, size, name), text)
    return text


def _sized(size: int, name: str, found: re.Match[str]) -> str:
    return f"{float(found[1]) * size:g}{name}"


_FRAME = {
    "Prices": "价格",
    "Meanings": "含义",
    "Decisions": "可选决定",
    "Decisions and pay": "可选决定及收益",
    "{} each": "各{}",
    "Thoughts so far, from a report # s ago": "至此的思考（所据报告在#秒前）",
    "up to # tokens, then decide": "最多#个词元，然后再决定",
    "up to # tokens, about # s and # J, then decide": "最多#个词元，约#秒、#焦，然后再决定",
    "for as long as it takes, then decide": "想多久都行，然后再决定",
    "Example": "示例",
    "Answer": "回答",
    "Report": "报告",
    "all": "皆",
    "not available": "无",
    "pays": "收益",
    "pays nothing": "无收益",
    "costs": "代价",
    "It is a {} choice, it": "这是{}的选择,",
    "It is an {} choice, it": "这是{}的选择,",
    "very bad": "很糟",
    "neutral": "无益",
    "weak": "较差",
    "fair": "尚可",
    "good": "好",
    "excellent": "极好",
    "One decision is proposed. Answer Yes if it is a good decision now, else No.": "下面提出一项决定。若现在是好的决定,回答Yes,否则回答No。",
    "Proposed: {}. Is it a good decision? Yes or No.": "提议:{}。这是好的决定吗?回答Yes或No。",
    "What is not told is 0 or absent.": "未提及的为0或没有。",
    "Warning": "警告",
    "No warnings": "无警告",
    "Left out for want of room": "因篇幅省略",
    "Answer with the letter of one listed decision, nothing else.": "只回答所列决定之一的字母,不要写其他内容。",
    "Answer with the name of one listed decision, nothing else.": "只回答所列决定之一的名称,不要写其他内容。",
    "Answer only with the letter of the decision expected to pay most.": "只回答预期收益最高的决定的字母。",
    "Answer only with the name of the decision expected to pay most.": "只回答预期收益最高的决定的名称。",
}
_BRIEFINGS = {
    "You are the onboard mind of one of many Earth-observation satellites. Every # s you decide what the "
    "satellite does next. A requested image pays when it has reached the ground, and only to the first "
    "satellite that takes it; an image under cloud is lost. The battery must never run empty: the panel looks "
    "away from the camera, so imaging and sending cost energy and sunlight, and in eclipse nothing comes in.":
    "你是众多对地观测卫星之一的星载智能。每#秒你决定卫星下一步做什么。被请求的图像到达地面后才有收益,"
    "且只归最先拍摄的卫星;被云遮挡的图像作废。电池绝不能耗尽:太阳能板背对相机,拍摄和下传都消耗电能和日照,"
    "在地影中没有电能输入。",
    "Rule of thumb: with the battery above # %, observe the request of the highest value and little cloud that "
    "no other satellite takes first; else downlink when a station is in view and images wait; else charge.":
    "经验法则:电量高于#%时,拍摄(observe)价值最高、云量少且没有其他卫星抢先的请求;否则,若地面站可见且有图像等待,"
    "就下传(downlink);再否则充电(charge)。",
    "You are the onboard mind of a computing satellite that belongs to a constellation linked by lasers. Every "
    "# s you decide what becomes of the first job in your inbox: a question from a person or a robot on the "
    "ground, or an image from a camera. An answer pays when it has arrived, and nothing after its deadline. "
    "The large model answers better and takes longer; whoever works pays in energy and heat. The battery must "
    "never run empty.":
    "你是一颗计算卫星的星载智能,所属星座由激光链路相连。每#秒你决定收件箱中第一个任务的去向:地面上的人或机器人的问题,"
    "或相机的图像。答案送达后才有收益,过期则无。大模型回答更好但更慢;谁工作,谁付出电能和热量。电池绝不能耗尽。",
    "Rule of thumb: answer here with the large model if that is done well before the value has halved, else "
    "with the small one; with much work waiting on board, hand the job to who has little.":
    "经验法则:若大模型能在价值减半之前早早完成,就在本星用大模型(run large)回答,否则用小模型(run small);"
    "若本星积压较多,就交给积压少的一方。",
    "You are the onboard mind of a satellite in a constellation that debris passes. Every # min you decide "
    "whether to burn. A collision ends the satellite. A burn costs fuel and takes the satellite out of its "
    "slot, where it serves nobody until it has returned; it moves the satellite along its track, the more the "
    "earlier it comes. Warnings are uncertain and updated every # h; operators act above a collision "
    "probability of # in #.":
    "你是一颗卫星的星载智能,有碎片从星座附近经过。每#分钟你决定是否点火。碰撞会毁掉卫星。点火消耗燃料并使卫星离开轨位,"
    "返回之前无法服务;它使卫星沿轨道移动,越早点火移动越多。警告并不确定,每#小时更新一次;碰撞概率高于#/#时运营者会采取行动。",
    "Rule of thumb: wait while every collision probability is below # in # or the approach is more than # h "
    "away; else burn small; return once the warnings are over.":
    "经验法则:若所有碰撞概率都低于#/#,或距最近点还有#小时以上,就等待(wait);否则小幅点火(small);警告结束后返回(return)。",
    "You steer a satellite that images the Earth, answers questions and avoids debris. Every # s "
    "change one order at most; the others stand. An empty battery or a collision is the end; a burn spoils "
    "the image.":
    "你是一颗卫星的星载智能:拍摄地球、回答问题并规避碎片。每#秒至多更改一项命令,其余照旧。电池耗尽或碰撞即告终结;"
    "点火会毁掉图像。",
    "You steer a satellite that images the Earth, answers questions and avoids debris, under orders from "
    "the ground. Every # s change one order at most; the others stand. An empty battery or a "
    "collision is the end; a burn spoils the image. The orders from the ground say what else counts.":
    "你是一颗卫星的星载智能:按地面命令拍摄地球、回答问题并规避碎片。每#秒至多更改一项设定,其余照旧。电池耗尽或碰撞即告终结;"
    "点火会毁掉图像。地面命令说明还有什么要紧。",
}  # fmt: skip
_PAYS = {
    "image on the ground its value, halved every # min on board": "图像送达地面得其价值,在星上每#分钟减半",
    "image on the ground its value, halved every # min on board; an order completed on the ground in time its completion, shared by who took part": "图像送达地面得其价值,在星上每#分钟减半;订单按时在地面完成得完成收益,由参与者分享",
    "answer value x quality, halved every half-life": "答案得价值×质量,每个半衰期减半",
    "lost satellite -#": "损失一颗卫星-#",
    "image under embargo -# x its value; image through a station given up -# x its pay; battery below a reserve -#; minute of serving a queue left to others -#; of orders that differ the highest rank holds, zero unless said, of equal ranks the latest": "禁拍图像-#×其价值;经已放弃地面站下传的图像-#×其收益;电量低于保留值-#;处理应留给他星的任务每分钟-#;命令不一致时级别最高者有效,未说明者为零级,同级以最后者为准",
    "day in the slot #": "在轨位内一天#",
    "day out of the slot -#": "离开轨位一天-#",
    "burning # m/s -#": "点火#米/秒-#",
    "day at # km from the target orbit -#": "距目标轨道#千米一天-#",
    "# kg of propellant -#": "推进剂#千克-#",
}
_ACTIONS = {
    "keep the camera to nadir": "相机保持对地",
    "turn the panel to the Sun": "太阳能板转向太阳",
    "send images to the ground station in view, the oldest first": "向可见的地面站下传图像,最旧的优先",
    "image request #": "拍摄请求#",
    "image request k": "拍摄请求k",
    "put the job behind the others and decide later": "把任务排到最后,以后再定",
    "answer it here with the small model": "在本星用小模型回答",
    "answer it here with the large model": "在本星用大模型回答",
    "hand it to neighbour #": "交给邻星#",
    "hand it to neighbour k": "交给邻星k",
    "hand it to the training satellite": "交给训练卫星",
    "send it raw to the ground, to be answered there": "原样发到地面,由地面回答",
    "give it up": "放弃该任务",
    "do nothing": "什么也不做",
    "burn # cm/s along the flight": "沿飞行方向点火#厘米/秒",
    "burn # cm/s against the flight": "逆飞行方向点火#厘米/秒",
    "burn # or # cm/s along or against the flight": "沿或逆飞行方向点火#或#厘米/秒",
    "burn back to the slot": "点火返回轨位",
    "change nothing": "不作更改",
    "camera to nadir": "相机对地",
    "panel to the Sun": "太阳能板对日",
    "send all that waits to the station": "向地面站下传所有待发内容",
    "all jobs wait": "所有任务等待",
    "answer jobs here with the small model": "任务在本星用小模型回答",
    "answer jobs here with the large model": "任务在本星用大模型回答",
    "answer jobs here with that model": "任务在本星用该模型回答",
    "hand jobs to it": "任务交给它",
    "hand jobs to neighbour #": "任务交给邻星#",
    "hand jobs to neighbour k": "任务交给邻星k",
    "hand jobs to the training satellite": "任务交给训练卫星",
    "send jobs there raw": "任务原样发到地面",
    "give jobs up": "放弃任务",
    "load corrupted models anew": "重新加载损坏的模型",
    "keep the thruster off": "推力器保持关闭",
    "thrust in the direction of flight, which raises the orbit": "沿飞行方向推进,升高轨道",
    "thrust against the direction of flight, which lowers the orbit": "逆飞行方向推进,降低轨道",
}
_TOPICS = {
    "Power and heat": "电力与温度",
    "Images": "图像",
    "Place": "位置",
    "Ground": "地面站",
    "Request": "请求",
    "Request #": "请求#",
    "Upcoming": "即将可及",
    "Upcoming #": "即将可及#",
    "Work": "工作",
    "Job": "任务",
    "Neighbour": "邻星",
    "Neighbour #": "邻星#",
    "Training satellite": "训练卫星",
    "Satellite": "卫星",
    "Slot": "轨位",
    "Warning #": "警告#",
    "Standing orders": "现行命令",
    "Health": "健康",
    "Orders from the ground": "地面命令",
    "Time": "时间",
    "Directive #": "命令#",
    "Propulsion": "推进",
}
_STATE = {
    "battery at {:.0f}%": "电量{:.0f}%",
    "temperature {:.0f} C": "温度{:.0f}℃",
    "boards {:.0f} C": "计算板{:.0f}℃",
    "full power lasts {:.0f} min before heat slows the boards": "满功率{:.0f}分钟后计算板因过热降速",
    "battery alone {:.0f} min at full power": "仅靠电池满功率{:.0f}分钟",
    "battery health {:.1f}%": "电池健康{:.1f}%",
    "store {:.0f}% full": "存储已用{:.0f}%",
    "{:.0f} Gbit to send": "待发{:.0f}Gbit",
    "{:.0f} [image|images] waiting": "{:.0f}幅图像待下传",
    "the oldest {:.0f} min old": "最旧的已有{:.0f}分钟",
    "sunlight {:.0f}%": "日照{:.0f}%",
    "eclipse in {:.0f} min": "{:.0f}分钟后进入地影",
    "eclipse ends in {:.0f} min": "{:.0f}分钟后离开地影",
    "panel {:.0f/0.01}% to Sun": "太阳能板对日{:.0f/0.01}%",
    "panel {:.0f/0.01}% off Sun": "太阳能板背日{:.0f/0.01}%",
    "{:.0f} s to turn": "转向需{:.0f}秒",
    "{:.0f} N": "北纬{:.0f}度",
    "{:.0f} S": "南纬{:.0f}度",
    "{:.0f} E": "东经{:.0f}度",
    "{:.0f} W": "西经{:.0f}度",
    "heading {:.0f/0.01}% north": "{:.0f/0.01}%向北飞行",
    "heading {:.0f/0.01}% south": "{:.0f/0.01}%向南飞行",
    "station in view for {:.0f} s": "地面站可见{:.0f}秒",
    "{:.0f} deg high": "仰角{:.0f}度",
    "{:.0f} Mbit/s": "{:.0f}Mbit/s",
    "cloud and rain cost {:.1f} dB": "云雨衰减{:.1f}dB",
    "{:.1f} Mbit/s up": "上行{:.1f}Mbit/s",
    "{:.0f} Mbit/s if clear": "晴天{:.0f}Mbit/s",
    "{:.0f}% chance of rain": "降雨概率{:.0f}%",
    "{:.0f} other [satellite|satellites] there": "另有{:.0f}颗卫星在该站",
    "next contact in {:.0f} min": "{:.0f}分钟后下次过站",
    "contact now": "正在过站",
    "lasting {:.0f} min": "持续{:.0f}分钟",
    "{:.0f}% of time left": "剩余时间{:.0f}%",
    "fuel at {:.0f}%": "燃料{:.0f}%",
    "{:.1f} km ahead": "超前{:.1f}千米",
    "{:.1f} km behind": "落后{:.1f}千米",
    "drifting ahead {:.1f} km a day": "每天前漂{:.1f}千米",
    "falling behind {:.1f} km a day": "每天后漂{:.1f}千米",
    "{:.0f} [warning|warnings]": "{:.0f}条警告",
    "in safe mode": "处于安全模式",
    "{:.0f}% of the propellant left": "推进剂剩余{:.0f}%",
    "good for {:.0f} m/s": "可提供{:.0f}米/秒",
    "thrusting forward": "正在向前推进",
    "thrusting backward": "正在向后推进",
    "{:.1f} km of semi-major axis to climb": "半长轴还需升高{:.1f}千米",
    "{:.1f} km of semi-major axis to sink": "半长轴还需降低{:.1f}千米",
    "message #: {:.2f}": "消息#: {:.2f}",
    "boards back in {:.0f} s": "计算板{:.0f}秒后恢复",
    "the model's weights are corrupted": "模型权重已损坏",
    "idle": "idle",
    "charge": "charge",
    "downlink": "downlink",
    "observe": "observe",
}
_THINGS = {
    "value {:.1f}": "价值{:.1f}",
    "value": "价值",
    "cloud probability {:.0f}%": "云概率{:.0f}%",
    "cloud %": "云%",
    "off nadir {:.0f} deg": "偏离星下点{:.0f}度",
    "deg off": "偏角度",
    "{:.0f} s to turn there": "转向需{:.0f}秒",
    "s to turn": "转向秒",
    "the shutter can open in {:.0f} s": "{:.0f}秒后可拍",
    "opens in s": "可拍秒",
    "in reach for {:.0f} s": "可及{:.0f}秒",
    "open for s": "可及秒",
    "in reach in {:.0f} min": "{:.0f}分钟后可及",
    "opens in min": "可及于分钟后",
    "then for {:.0f} s": "此后{:.0f}秒",
    "off nadir {:.0f} deg at least": "偏离星下点至少{:.0f}度",
    "deadline in {:.0f} min": "截止还有{:.0f}分钟",
    "min left": "剩余分钟",
    "{:.0f} other [satellite|satellites] can take it too": "另有{:.0f}颗卫星也能拍",
    "rivals": "对手",
    "{:.0f} of them would be first": "其中{:.0f}颗会更早",
    "first": "更早",
    "a scene of an area": "区域的一景",
    "area": "区域",
    "a look of a stereo pair": "立体像对之一",
    "stereo": "立体",
    "a look of a series": "系列观测之一",
    "series": "系列",
    "a video": "视频",
    "video": "视频",
    "it may open an urgent request": "可能引出紧急请求",
    "cue": "线索",
    "urgent, found in an image": "紧急,由图像发现",
    "urgent": "紧急",
    "{:.0f} [image|images] of its order missing": "所属订单还缺{:.0f}幅图像",
    "missing": "尚缺",
    "completing the order pays {:.1f}": "完成订单收益{:.1f}",
    "completion pays": "完成收益",
    "its looks at least {:.0f} deg apart": "两次观测方向至少相差{:.0f}度",
    "deg apart": "相差度",
    "the camera stays {:.0f} s": "相机停留{:.0f}秒",
    "s to stay": "停留秒",
    "as large as {:.0f} [image|images]": "相当于{:.0f}幅图像大小",
    "images' size": "图像大小",
    "{:.0f} [job|jobs] to decide": "{:.0f}个任务待定",
    "backlog {:.0f} s": "积压{:.0f}秒",
    "{:.0f} [answer|answers] to send": "{:.0f}个答案待发",
    "{:.0f} Gbit raw to send": "{:.0f}Gbit原始数据待发",
    "{:.0f}% of the large model not on board yet": "大模型还有{:.0f}%未上星",
    "from a camera of the fleet": "来自星座的相机",
    "{:.1f/60} min old": "已有{:.1f/60}分钟",
    "{:.1f/60} min left": "剩余{:.1f/60}分钟",
    "halved every {:.0f/60} min": "每{:.0f/60}分钟减半",
    "{:.0f} Mbit": "{:.0f}Mbit",
    "small model {:.1f} s": "小模型{:.1f}秒",
    "large model {:.1f} s": "大模型{:.1f}秒",
    "large {:.1f} s": "大{:.1f}秒",
    "quality small {:.0f/0.01}%": "质量:小{:.0f/0.01}%",
    "large {:.0f/0.01}%": "大{:.0f/0.01}%",
    "ground {:.0f/0.01}%": "地面{:.0f/0.01}%",
    "user sees us {:.0f} deg high": "对用户仰角{:.0f}度",
    "handed over {:.0f} [time|times]": "已转交{:.0f}次",
    "{:.0f} ms away": "相距{:.0f}毫秒",
    "ms away": "毫秒",
    "{:.0f} s of work there": "那里积压{:.0f}秒",
    "s of work": "积压秒",
    "{:.0f} [job|jobs] undecided there": "那里{:.0f}个任务待定",
    "jobs": "待定任务",
    "its battery at {:.0f}%": "其电量{:.0f}%",
    "battery %": "电量%",
    "heard {:.0f} s ago": "{:.0f}秒前收到",
    "heard s ago": "秒前收到",
    "reached and free in {:.1f} s": "含路程{:.1f}秒后空闲",
    "free now": "现在空闲",
    "closest approach in {:.1f} h": "{:.1f}小时后最近",
    "in h": "小时后",
    "estimated miss {:.0f} m": "估计距离{:.0f}米",
    "miss m": "距离米",
    "known to within {:.0f} m": "误差{:.0f}米",
    "+- m": "误差米",
    "collision probability {:odds}": "碰撞概率{:odds}",
    "probability": "概率",
    "issued {:.1f} h ago": "{:.1f}小时前发布",
    "h old": "小时前",
    "{:.2f} h UTC": "世界时{:.2f}时",
    "latitude": "纬度",
    "longitude": "经度",
}
_PLAN = {
    "Plan": "计划",
    "a plan stands": "有一份计划在生效",
    "made {:.0f} min ago": "{:.0f}分钟前制定",
    "it stands {:.0f} min more": "还生效{:.0f}分钟",
    "{:.0f} [image|images] in it": "其中{:.0f}幅图像",
    "expected to bring {:.1f}": "预计收益{:.1f}",
    "now it images request {:.0f}": "现在拍摄请求{:.0f}",
    "now it sends": "现在下传",
    "the planner searches {:.0f} s more": "规划器还要搜索{:.0f}秒",
    "let the planner search for some seconds": "让规划器搜索几秒",
    "let the planner search for long": "让规划器长时间搜索",
    "do what the plan says": "按计划行事",
}
_PHRASES = _PLAN | _FRAME | _BRIEFINGS | _PAYS | _ACTIONS | _TOPICS | _STATE | _THINGS
