-- Ids of runs and the texts of heads are bytea: PostgreSQL's text takes neither NUL nor broken UTF-8, and bytea is
-- ordered by its bytes whatever the locale. To look at one: SELECT encode(id, 'escape') FROM spinbot.runs.

CREATE TABLE spinbot.hosts (
	id text COLLATE "C" PRIMARY KEY,
	session bigint NOT NULL DEFAULT 1, -- rises whenever the store is opened as this host; the one before is fenced
	beaten timestamptz NOT NULL DEFAULT clock_timestamp(),
	commits bigint NOT NULL DEFAULT 0, -- groups of appends that this session has committed
	adoptions bigint NOT NULL DEFAULT 0, -- of this session
	-- What the last group gave beside plain successes; NULL, nearly always: nothing.
	places integer[], epochs bigint[], heads bigint[], holders text[]
) WITH (fillfactor = 50);

CREATE TABLE spinbot.leader ( -- one row
	host text COLLATE "C", -- NULL: nobody
	session bigint NOT NULL DEFAULT 0,
	epoch bigint NOT NULL DEFAULT 0, -- rises with each change
	until timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO spinbot.leader DEFAULT VALUES;

CREATE TABLE spinbot.runs (
	num bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	id bytea NOT NULL UNIQUE,
	seq bigint NOT NULL, -- its last event
	host text COLLATE "C", -- its owner; NULL: nobody
	epoch bigint NOT NULL, -- rises with each change of its owner
	adopted bigint NOT NULL DEFAULT 0, -- session and number of the adoption by its owner; 0: not adopted
	adoption bigint NOT NULL DEFAULT 0,
	ended boolean NOT NULL,
	listed boolean NOT NULL, -- it has a head
	pipeline bytea, digest bytea, state bytea, error bytea, owner bytea,
	created bigint, updated bigint, -- nanoseconds since 1970; NULL: none
	head_seq bigint,
	pinned boolean NOT NULL DEFAULT false
) WITH (fillfactor = 70);
CREATE INDEX runs_open ON spinbot.runs (host) WHERE NOT ended;

CREATE TABLE spinbot.journal (
	run bigint NOT NULL,
	seq bigint NOT NULL, -- of the first event
	n integer NOT NULL,
	data bytea NOT NULL, -- framed and summed by the host: see frame.go
	PRIMARY KEY (run, seq)
);

-- mine locks the host's row and gives it. SB001: another process opened the store as this host.
CREATE FUNCTION spinbot.mine(_host text, _session bigint) RETURNS spinbot.hosts LANGUAGE plpgsql AS $$
DECLARE
	me spinbot.hosts;
BEGIN
	SELECT * INTO me FROM spinbot.hosts h WHERE h.id = _host FOR NO KEY UPDATE;
	IF me.session IS DISTINCT FROM _session THEN
		RAISE EXCEPTION 'another process is host %', _host USING ERRCODE = 'SB001';
	END IF;
	RETURN me;
END $$;

-- append stores a session's group of appends, each of another run, and gives what is not a plain success: an append
-- that was refused (epoch 0), for whose run it was (holder NULL: the sequence number was wrong), or a run that the host
-- owns from now on. Groups are numbered: asked again for the last one it changes nothing and answers the same.
CREATE FUNCTION spinbot.append(_host text, _session bigint, _commit bigint, _notices text[],
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
				created = i.created, updated = i.updated, head_seq = i.head_seq WHERE t.num = r.num;
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

-- beat says that the host lives, and renews its lead.
CREATE FUNCTION spinbot.beat(_host text, _session bigint, _lease interval) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM spinbot.mine(_host, _session);
	UPDATE spinbot.hosts SET beaten = clock_timestamp() WHERE id = _host;
	UPDATE spinbot.leader SET until = clock_timestamp() + _lease WHERE host = _host AND session = _session;
END $$;

-- adopt makes the host the owner of what nobody who lives owns, and gives it. Asked again for the same adoption it
-- changes nothing and answers the same. Adoptions take turns: who waited has to see what the one before has taken, and
-- that it lives. Rows that are locked are being written to, and left.
CREATE FUNCTION spinbot.adopt(_host text, _session bigint, _adoption bigint, _silent interval)
RETURNS TABLE (run bytea, epoch bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
	me spinbot.hosts;
BEGIN
	PERFORM pg_advisory_xact_lock(1936746862, 2);
	me := spinbot.mine(_host, _session);
	UPDATE spinbot.hosts SET beaten = clock_timestamp(), adoptions = greatest(adoptions, _adoption) WHERE id = _host;
	IF me.adoptions < _adoption THEN
		UPDATE spinbot.runs t SET host = _host, epoch = t.epoch + 1, adopted = _session, adoption = _adoption WHERE t.num IN (
			SELECT d.num FROM spinbot.runs d WHERE NOT d.ended AND d.host IS DISTINCT FROM _host AND NOT EXISTS (
				SELECT FROM spinbot.hosts h WHERE h.id = d.host AND h.beaten > clock_timestamp() - _silent)
			FOR NO KEY UPDATE OF d SKIP LOCKED);
	END IF;
	RETURN QUERY SELECT t.id, t.epoch FROM spinbot.runs t
		WHERE t.host = _host AND NOT t.ended AND t.adopted = _session AND t.adoption = _adoption ORDER BY t.id;
END $$;

-- lead makes the host the leader when nobody is. The row is locked before it is looked at: who waited sees who leads now.
CREATE FUNCTION spinbot.lead(_host text, _session bigint, _lease interval)
RETURNS TABLE (leads boolean, epoch bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
	l spinbot.leader;
	again boolean;
BEGIN
	PERFORM spinbot.mine(_host, _session);
	UPDATE spinbot.hosts SET beaten = clock_timestamp() WHERE id = _host;
	SELECT * INTO l FROM spinbot.leader FOR UPDATE;
	again := coalesce(l.host = _host AND l.session = _session, false);
	IF NOT again AND l.until > clock_timestamp() THEN
		RETURN QUERY SELECT false, l.epoch;
		RETURN;
	END IF;
	IF NOT again THEN
		l.epoch := l.epoch + 1;
	END IF;
	UPDATE spinbot.leader t SET host = _host, session = _session, epoch = l.epoch, until = clock_timestamp() + _lease;
	RETURN QUERY SELECT true, l.epoch;
END $$;

-- remove takes a run out, or says why not: "none", "owned", "moved" or "pinned".
CREATE FUNCTION spinbot.remove(_host text, _session bigint, _run bytea, _seq bigint)
RETURNS TABLE (refused text, head bigint, holder text) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
	r record;
	why text;
BEGIN
	PERFORM spinbot.mine(_host, _session);
	SELECT t.num, t.seq, t.host, t.pinned INTO r FROM spinbot.runs t WHERE t.id = _run FOR UPDATE;
	why := CASE WHEN r.num IS NULL THEN 'none' WHEN r.host <> _host THEN 'owned' WHEN r.seq <> _seq THEN 'moved' WHEN r.pinned THEN 'pinned' END;
	IF why IS NULL THEN
		DELETE FROM spinbot.journal j WHERE j.run = r.num;
		DELETE FROM spinbot.runs t WHERE t.num = r.num;
	END IF;
	RETURN QUERY SELECT why, r.seq, r.host;
END $$;
