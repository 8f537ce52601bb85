-- What hosts keep together beside runs, by name.
CREATE TABLE spinbot.records (
	name text COLLATE "C" PRIMARY KEY,
	revision bigint NOT NULL DEFAULT 1,
	raw bytea NOT NULL,
	host text COLLATE "C" NOT NULL, -- who kept it, in which session
	session bigint NOT NULL
);

-- keep replaces a record that is at this revision, 0 being none, and says whether it was. Asked again after an answer that
-- was lost it says the same.
CREATE FUNCTION spinbot.keep(_host text, _session bigint, _name text, _raw bytea, _revision bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	PERFORM spinbot.mine(_host, _session);
	IF _revision = 0 THEN
		INSERT INTO spinbot.records (name, raw, host, session) VALUES (_name, _raw, _host, _session) ON CONFLICT DO NOTHING;
	ELSE
		UPDATE spinbot.records SET raw = _raw, host = _host, session = _session, revision = revision + 1
			WHERE name = _name AND revision = _revision;
	END IF;
	RETURN FOUND OR EXISTS (SELECT FROM spinbot.records
		WHERE name = _name AND revision = _revision + 1 AND raw = _raw AND host = _host AND session = _session);
END $$;
