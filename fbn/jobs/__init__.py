"""Background jobs: a job is a folder, run by a separate process that survives the process that started it."""

from fbn.jobs.folder import Job, JobError, Status
from fbn.jobs.queue import cancel, clean, job, jobs, remove, restart, start, unreadable_jobs

__all__ = [
    "Job",
    "JobError",
    "Status",
    "cancel",
    "clean",
    "job",
    "jobs",
    "remove",
    "restart",
    "start",
    "unreadable_jobs",
]
