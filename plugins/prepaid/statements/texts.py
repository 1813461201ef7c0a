"""The words of a printed statement, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

EN: Mapping[str, str] = {
    "lang": "en", "title": "Electricity statement", "tenant": "Tenant", "account": "Account",
    "contract": "Contract", "tariff": "Tariff", "period": "Period", "points": "Supply points",
    "open": "As the books stand: not closed yet",
    "closed": "Closed", "opening": "Balance before", "paid_in": "Paid in", "charged": "Charged", "other": "Other",
    "closing": "Balance after", "used": "Energy used", "due": "Charges of this period", "energy": "Energy",
    "charges": "Charges", "band": "Band", "season": "Season", "block": "Block", "kwh": "kWh",
    "price": "{currency} per kWh", "amount": "Amount", "together": "Together", "all_day": "all day",
    "included": "of which {name} included", "meters": "Meter readings", "meter": "Meter", "serial": "Serial number",
    "first": "First reading", "last": "Last reading", "raw": "register", "count": "Readings", "money": "Money",
    "date": "Date", "what": "What", "about": "About", "entries": "{count} entries", "proof": "Proof",
    "hash": "Hash of this statement", "checkpoint": "Ledger sealed", "not_sealed": "not sealed yet",
    "how": "Every amount here can be derived again, by anybody, from the meters' raw readings and the tariff."
    " Ask for the proof file, and on any computer with Hub type:",
    "compare": "The hash that it prints must be the one above.",
    "charge": "Charges of {period}", "charge_of": "Charges of {period}, contract {contract}",
    "correction": "Correction of {period}, closed before", "service_dates": "service {first} to {last}",
    "by_time": "{kwh} kWh were split between bands by time, since no reading was taken at the edge between them.",
    "fixed": "{name}", "adder": "{name}", "tax": "{name} (tax)", "minimum": "Up to the minimum charge",
    "demand": "Demand", "component_energy": "Energy, as above",
    "topup": "Top-up", "assigned": "Top-up", "goodwill": "Goodwill credit", "refund": "Refund",
    "transfer": "Transfer", "write_off": "Written off", "deposit": "Deposit", "opening_balance": "Brought forward",
    "reversal": "Reversal", "returned": "Returned", "correction_by_hand": "Correction",
}  # fmt: skip

ZH: Mapping[str, str] = {
    "lang": "zh", "title": "电费账单", "tenant": "租户", "account": "账户", "contract": "合同", "tariff": "电价",
    "period": "账期", "points": "用电点", "open": "按当前账目列示，尚未结账", "closed": "已结账",
    "opening": "期初余额", "paid_in": "充值", "charged": "扣费", "other": "其他", "closing": "期末余额",
    "used": "用电量",
    "due": "本期费用", "energy": "电量电费", "charges": "费用", "band": "时段", "season": "季节", "block": "阶梯",
    "kwh": "千瓦时", "price": "单价（{currency}/千瓦时）", "amount": "金额", "together": "合计", "all_day": "全天",
    "included": "其中含{name}", "meters": "抄表", "meter": "电表", "serial": "表号", "first": "起始读数",
    "last": "截止读数", "raw": "寄存器", "count": "读数个数", "money": "资金", "date": "日期", "what": "事项",
    "about": "说明", "entries": "{count} 笔", "proof": "凭证", "hash": "本账单的哈希", "checkpoint": "账本封存",
    "not_sealed": "尚未封存",
    "how": "本单每一分钱，任何人都可以从电表原始读数和电价重新算出。请索取凭证文件，在任何装有 Hub 的电脑上运行：",
    "compare": "它给出的哈希必须与上面的一致。",
    "charge": "{period} 电费", "charge_of": "{period} 电费，合同 {contract}", "correction": "更正已结账的 {period}",
    "service_dates": "用电日期 {first} 至 {last}",
    "by_time": "其中 {kwh} 千瓦时因时段交界处没有读数，按时间分摊。",
    "fixed": "{name}", "adder": "{name}", "tax": "{name}（税）", "minimum": "补足最低收费", "demand": "需量电费",
    "component_energy": "电量电费（如上）",
    "topup": "充值", "assigned": "充值", "goodwill": "赠送", "refund": "退款", "transfer": "转账",
    "write_off": "核销", "deposit": "押金", "opening_balance": "上期结转",
    "band_sharp": "尖", "band_peak": "峰", "band_flat": "平", "band_valley": "谷", "band_deep_valley": "深谷",
    "reversal": "冲正", "returned": "退回", "correction_by_hand": "更正",
}  # fmt: skip

LANGUAGES: Mapping[str, Mapping[str, str]] = {"en": EN, "zh": ZH}
