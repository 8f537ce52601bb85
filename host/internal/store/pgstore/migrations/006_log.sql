-- What hosts write down together for people.
CREATE TABLE spinbot.log (
	num bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	id text COLLATE "C" NOT NULL UNIQUE,
	host text COLLATE "C" NOT NULL,
	who bytea NOT NULL,
	what bytea NOT NULL,
	at timestamptz NOT NULL,
	raw bytea NOT NULL
);
