-- What runs say, for searches: every three bytes in a row (store.Head.Grams). tsvector is built in and has an index; pg_trgm
-- would have to be installed, and knows letters and digits alone.
ALTER TABLE spinbot.runs ADD COLUMN noted boolean NOT NULL DEFAULT false; -- texts has what its row says
CREATE INDEX runs_fresh ON spinbot.runs (num) WHERE listed AND NOT noted;

CREATE TABLE spinbot.texts (
	run bigint PRIMARY KEY REFERENCES spinbot.runs ON DELETE CASCADE,
	grams tsvector NOT NULL
);
CREATE INDEX texts_grams ON spinbot.texts USING gin (grams) WITH (fastupdate = off);

-- append as before, but what a head says anew is not noted. A trigger would cost every append a seventh of its speed.
CREATE OR REPLACE FUNCTION spinbot.append(_host text, _session bigint, _commit bigint, _notices text[],
	_runs bytea[], _afters bigint[], _epochs bigint[], _counts integer[], _data bytea[], _listed boolean[], _ended boolean[],
	_pipelines bytea[], _digests bytea[], _states bytea[], _errors bytea[], _owners bytea[], _created bigint[], _updated bigint[], _seqs bigint[])
RETURNS TABLE (place integer, epoch bigint, head bigint, holder text) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
	me spinbot.hosts := spinbot.mine(_host, _session);
	i record;
	r record;
	own boolean;
	done boolean; -- the run has ended once this is stored
	o_places integer[];
	o_epochs bigint[];
	o_heads bigint[];
	o_holders text[];
BEGIN
	IF me.commits = _commit THEN
		RETURN QUERY SELECT * FROM unnest(me.places, me.epochs, me.heads, me.holders);
		RETURN;
	ELSIF me.commits <> _commit - 1 THEN
		RAISE EXCEPTION 'group % comes after group %', _commit, me.commits USING ERRCODE = 'SB002';
	END IF;
	FOR i IN SELECT * FROM unnest(_runs, _afters, _epochs, _counts, _data, _listed, _ended, _pipelines, _digests, _states, _errors,
		_owners, _created, _updated, _seqs) WITH ORDINALITY
		AS x (run, after, epoch, n, data, listed, ended, pipeline, digest, state, error, owner, created, updated, head_seq, place)
	LOOP
		IF i.after = 0 THEN
			INSERT INTO spinbot.runs AS t (id, seq, host, epoch, ended, listed, pipeline, digest, state, error, owner, created, updated, head_seq)
				VALUES (i.run, i.n, CASE WHEN NOT i.ended THEN _host END, 1, i.ended, i.listed, i.pipeline, i.digest, i.state, i.error, i.owner,
					i.created, i.updated, i.head_seq)
				ON CONFLICT (id) DO NOTHING RETURNING t.num INTO r;
			IF FOUND THEN
				INSERT INTO spinbot.journal VALUES (r.num, 1, i.n, i.data);
				CONTINUE;
			END IF;
		END IF;
		SELECT t.num, t.seq, t.host, t.epoch, t.ended INTO r FROM spinbot.runs t WHERE t.id = i.run FOR NO KEY UPDATE;
		own := coalesce((r.host = _host AND r.epoch = i.epoch) OR (r.host IS NULL AND i.epoch IN (0, r.epoch)), false);
		IF r.num IS NULL OR i.after = 0 OR NOT own OR r.seq <> i.after THEN
			o_places := o_places || i.place::integer;
			o_epochs := o_epochs || 0::bigint;
			o_heads := o_heads || coalesce(r.seq, 0);
			o_holders := o_holders || CASE WHEN r.num IS NOT NULL AND i.after > 0 AND NOT own THEN coalesce(r.host, '') END;
			CONTINUE;
		END IF;
		done := CASE WHEN i.listed THEN i.ended ELSE r.ended END;
		IF r.host IS NULL AND NOT done THEN
			r.epoch := r.epoch + 1;
			o_places := o_places || i.place::integer;
			o_epochs := o_epochs || r.epoch;
			o_heads := o_heads || i.after + i.n;
			o_holders := o_holders || NULL::text;
		END IF;
		IF i.listed THEN
			UPDATE spinbot.runs t SET seq = i.after + i.n, host = CASE WHEN NOT done THEN _host END, epoch = r.epoch, ended = done, listed = true,
				pipeline = i.pipeline, digest = i.digest, state = i.state, error = i.error, owner = i.owner,
				created = i.created, updated = i.updated, head_seq = i.head_seq,
				noted = t.noted AND (t.pipeline, t.owner, t.error) IS NOT DISTINCT FROM (i.pipeline, i.owner, i.error) WHERE t.num = r.num;
		ELSE
			UPDATE spinbot.runs t SET seq = i.after + i.n, host = CASE WHEN NOT done THEN _host END, epoch = r.epoch WHERE t.num = r.num;
		END IF;
		INSERT INTO spinbot.journal VALUES (r.num, i.after + 1, i.n, i.data);
	END LOOP;
	PERFORM pg_notify('spinbot', x) FROM unnest(_notices) x;
	UPDATE spinbot.hosts h SET commits = _commit, places = o_places, epochs = o_epochs, heads = o_heads, holders = o_holders
		WHERE h.id = _host;
	RETURN QUERY SELECT * FROM unnest(o_places, o_epochs, o_heads, o_holders);
END $$;

-- small makes ASCII letters small.
CREATE FUNCTION spinbot.small(_text bytea) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS
	$$ SELECT decode(lower(encode(_text, 'escape') COLLATE "C"), 'escape') $$;

-- note notes the oldest runs that are not, when there are so many, and says whether there were. One whose texts are longer than
-- 8 KiB, which might not fit into a tsvector, stays. Rows that are locked are being written to, and left.
CREATE FUNCTION spinbot.note(_many integer) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	nums bigint[] := ARRAY(SELECT num FROM spinbot.runs WHERE listed AND NOT noted AND length(error) < 8192 ORDER BY num LIMIT _many
		FOR NO KEY UPDATE SKIP LOCKED);
BEGIN
	IF cardinality(nums) < _many THEN
		RETURN false;
	END IF;
	INSERT INTO spinbot.texts SELECT num, array_to_tsvector(ARRAY(SELECT encode(substr(text, i, 3), 'hex') FROM generate_series(1, length(text)) i))
		FROM (SELECT num, spinbot.small(id || '\x0a' || pipeline || '\x0a' || owner || '\x0a' || error) AS text
			FROM spinbot.runs WHERE num = ANY(nums)) x
		ON CONFLICT (run) DO UPDATE SET grams = excluded.grams;
	UPDATE spinbot.runs SET noted = true WHERE num = ANY(nums);
	RETURN true;
END $$;
