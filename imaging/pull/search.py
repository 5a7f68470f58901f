from imaging.models import Job


def carry_out(job: Job) -> None:
    raise NotImplementedError
