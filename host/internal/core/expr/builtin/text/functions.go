// Package text is the functions of texts.
package text

import "github.com/myspinbot/spinbot/host/internal/core/expr/builtin"

// Functions lists the functions of the package.
func Functions() []builtin.Function {
	return []builtin.Function{
		base64Function, base64decodeFunction, bytesFunction, chompFunction, csvdecodeFunction, durationFunction,
		endswithFunction, formatFunction, formatdateFunction, formatlistFunction, indentFunction, joinFunction,
		jsondecodeFunction, jsonencodeFunction, lowerFunction, parseintFunction, regexFunction, regexallFunction,
		regexreplaceFunction, repeatFunction, replaceFunction, sha256Function, slugFunction, splitFunction,
		startswithFunction, strcontainsFunction, strrevFunction, substrFunction, timeaddFunction, titleFunction,
		trimFunction, trimprefixFunction, trimspaceFunction, trimsuffixFunction, truncateFunction, upperFunction,
		urlencodeFunction, wordsFunction, yamldecodeFunction, yamlencodeFunction,
	}
}
