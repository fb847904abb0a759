-- How many jobs have failed of late is asked with every scrape of the metrics, whatever number of others has ended.
CREATE INDEX jobs_failed ON jobs (finished_at) WHERE state = 'failed';
