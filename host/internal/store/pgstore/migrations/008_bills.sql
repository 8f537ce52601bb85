-- bills are what runs have used, as times in nanoseconds since 1970 and their own data. They stay when their runs are removed.
CREATE TABLE spinbot.bills (
	run bytea PRIMARY KEY,
	seq bigint NOT NULL, -- of the head that it was made for
	pipeline bytea NOT NULL,
	owner bytea NOT NULL,
	first bigint NOT NULL,
	last bigint NOT NULL,
	data bytea NOT NULL
);
CREATE INDEX bills_last ON spinbot.bills (last);

-- billed is the head_seq that the run's bill was made for.
ALTER TABLE spinbot.runs ADD COLUMN billed bigint NOT NULL DEFAULT 0;
CREATE INDEX runs_unbilled ON spinbot.runs (num) WHERE listed AND billed <> head_seq;
