-- What files are about, as vectors. With the extension vector, an index of each space is made when it is first used.
CREATE TABLE spinbot.meanings (
	num bigint PRIMARY KEY REFERENCES spinbot.files ON DELETE CASCADE,
	model text COLLATE "C" NOT NULL,
	dims integer NOT NULL,
	vector real[], -- of length 1; NULL: there is none
	problem text -- why there is none
);
