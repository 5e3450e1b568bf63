"""temporary"""
def make_teacher(spec, sim, memory=None):
    from coglab.games.machina1.teachers.registry import parse_teacher_uri
    from coglab.games.machina1.teachers.teacher import DinkyTeacher
    if isinstance(spec,str): spec=parse_teacher_uri(spec)
    return DinkyTeacher(spec, sim, memory)
