"""temporary"""
from dataclasses import dataclass
from coglab.games.cogsguard.teachers.registry import TeacherInfo
PREFIX="metta://policy/"
@dataclass(frozen=True)
class DinkySpec:
    uri: str
    style: str = "solo"
TEACHERS={"dinky": TeacherInfo("dinky", PREFIX+"dinky:v15","crafts","p","c","baseline",(),version="v15")}
def parse_teacher_uri(uri):
    return DinkySpec(uri, "quartet" if "quartet" in uri else "solo")
