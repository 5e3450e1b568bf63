from dataclasses import dataclass
@dataclass(frozen=True)
class DinkySpec:
    uri: str
    style: str = "solo"
