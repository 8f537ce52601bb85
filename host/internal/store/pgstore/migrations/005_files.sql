-- The artifacts that runs were given and have made.
CREATE TABLE spinbot.files (
	num bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	run bigint NOT NULL,
	digest text COLLATE "C" NOT NULL,
	media bytea NOT NULL,
	name bytea NOT NULL,
	size bigint NOT NULL,
	at bytea NOT NULL,
	created bigint, -- nanoseconds since 1970; NULL: none
	pipeline bytea NOT NULL,
	UNIQUE (run, digest)
);
CREATE INDEX files_pipeline ON spinbot.files (pipeline, num);

-- append_files is append, and stores the files of the appends that were not refused, each at the place of its append. Asked again for
-- the last group it changes nothing.
CREATE FUNCTION spinbot.append_files(_host text, _session bigint, _commit bigint, _notices text[],
	_runs bytea[], _afters bigint[], _epochs bigint[], _counts integer[], _data bytea[], _listed boolean[], _ended boolean[],
	_pipelines bytea[], _digests bytea[], _states bytea[], _errors bytea[], _owners bytea[], _created bigint[], _updated bigint[], _seqs bigint[],
	_places integer[], _files text[], _media bytea[], _names bytea[], _sizes bigint[], _ats bytea[], _made bigint[])
RETURNS TABLE (place integer, epoch bigint, head bigint, holder text) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
	odd record;
	refused integer[] := '{}';
BEGIN
	FOR odd IN SELECT * FROM spinbot.append(_host, _session, _commit, _notices, _runs, _afters, _epochs, _counts, _data, _listed, _ended,
		_pipelines, _digests, _states, _errors, _owners, _created, _updated, _seqs)
	LOOP
		IF odd.epoch = 0 THEN
			refused := refused || odd.place;
		END IF;
		RETURN QUERY SELECT odd.place, odd.epoch, odd.head, odd.holder;
	END LOOP;
	INSERT INTO spinbot.files (run, digest, media, name, size, at, created, pipeline)
		SELECT r.num, x.digest, x.media, x.name, x.size, x.at, x.made, coalesce(r.pipeline, '')
		FROM unnest(_places, _files, _media, _names, _sizes, _ats, _made) WITH ORDINALITY AS x (place, digest, media, name, size, at, made, k)
		JOIN spinbot.runs r ON r.id = _runs[x.place]
		WHERE x.place <> ALL (refused) ORDER BY x.k
		ON CONFLICT DO NOTHING;
END $$;

CREATE FUNCTION spinbot.forget_files() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM spinbot.files f WHERE f.run = OLD.num;
	RETURN NULL;
END $$;
CREATE TRIGGER forget_files AFTER DELETE ON spinbot.runs FOR EACH ROW EXECUTE FUNCTION spinbot.forget_files();
