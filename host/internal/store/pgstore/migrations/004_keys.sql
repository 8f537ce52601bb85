-- Which run a request made.
CREATE TABLE spinbot.keys (
	key text COLLATE "C" PRIMARY KEY,
	run bytea NOT NULL,
	body text COLLATE "C" NOT NULL,
	until bigint NOT NULL -- nanoseconds since 1970
);
CREATE INDEX keys_until ON spinbot.keys (until);
