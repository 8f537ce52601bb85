package search

import (
	"cmp"
	"strings"
)

// prefix is what a model wants to stand before a text.
type prefix struct{ query, document string }

// prefixes are what the authors of well known models say that it is to be asked with.
func prefixes(model string) prefix {
	name, _, _ := strings.Cut(model[strings.LastIndexByte(model, '/')+1:], ":")
	return cmp.Or(map[string]prefix{
		"nomic-embed-text":        {"search_query: ", "search_document: "},
		"nomic-embed-text-v2-moe": {"search_query: ", "search_document: "},
		"mxbai-embed-large":       {"Represent this sentence for searching relevant passages: ", ""},
		"snowflake-arctic-embed":  {"Represent this sentence for searching relevant passages: ", ""},
		"snowflake-arctic-embed2": {"query: ", ""},
		"embeddinggemma":          {"task: search result | query: ", "title: none | text: "},
	}[name], prefix{})
}
