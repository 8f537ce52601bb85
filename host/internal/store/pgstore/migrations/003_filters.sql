-- What lists are filtered by.
CREATE INDEX runs_state ON spinbot.runs (state, id) WHERE listed;
CREATE INDEX runs_pipeline ON spinbot.runs (pipeline, id) WHERE listed;
CREATE INDEX runs_owner ON spinbot.runs (owner, id) WHERE listed;
