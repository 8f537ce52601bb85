-- What runs say, for searches: every three bytes in a row (store.Head.Grams). tsvector is built in and has an index; pg_trgm
-- would have to be installed, and knows letters and digits alone.
ALTER TABLE spinbot.runs ADD COLUMN noted boolean NOT NULL DEFAULT false; -- texts has what its row says
CREATE INDEX runs_fresh ON spinbot.runs (num) WHERE listed AND NOT noted;

CREATE TABLE spinbot.texts (
	run bigint PRIMARY KEY REFERENCES spinbot.runs ON DELETE CASCADE,
	grams tsvector NOT NULL
);
CREATE INDEX texts_grams ON spinbot.texts USING gin (grams) WITH (fastupdate = off);

CREATE FUNCTION spinbot.anew() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.noted := false;
	RETURN NEW;
END $$;
CREATE TRIGGER runs_anew BEFORE UPDATE ON spinbot.runs FOR EACH ROW
	WHEN (OLD.noted AND (OLD.pipeline, OLD.owner, OLD.error) IS DISTINCT FROM (NEW.pipeline, NEW.owner, NEW.error))
	EXECUTE FUNCTION spinbot.anew();

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
