"""Work in the background: a job is a folder, its worker a process of its own that outlives whoever started it."""

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
