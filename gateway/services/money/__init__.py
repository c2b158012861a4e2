"""Reserve, settle and report money, in every budget window that covers a job."""
