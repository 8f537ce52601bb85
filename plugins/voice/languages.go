package main

import "strings"

// spokenLanguages are the languages that Whisper knows, by the names that it calls them.
var spokenLanguages = func() map[string]string {
	out := map[string]string{}
	for _, pair := range strings.Split("en english,zh chinese,de german,es spanish,ru russian,ko korean,fr french,ja japanese,pt portuguese,tr turkish,pl polish,"+
		"ca catalan,nl dutch,ar arabic,sv swedish,it italian,id indonesian,hi hindi,fi finnish,vi vietnamese,he hebrew,uk ukrainian,"+
		"el greek,ms malay,cs czech,ro romanian,da danish,hu hungarian,ta tamil,no norwegian,th thai,ur urdu,hr croatian,bg bulgarian,"+
		"lt lithuanian,la latin,mi maori,ml malayalam,cy welsh,sk slovak,te telugu,fa persian,lv latvian,bn bengali,sr serbian,"+
		"az azerbaijani,sl slovenian,kn kannada,et estonian,mk macedonian,br breton,eu basque,is icelandic,hy armenian,ne nepali,"+
		"mn mongolian,bs bosnian,kk kazakh,sq albanian,sw swahili,gl galician,mr marathi,pa punjabi,si sinhala,km khmer,sn shona,yo yoruba,"+
		"so somali,af afrikaans,oc occitan,ka georgian,be belarusian,tg tajik,sd sindhi,gu gujarati,am amharic,yi yiddish,lo lao,uz uzbek,"+
		"fo faroese,ht haitian creole,ps pashto,tk turkmen,nn nynorsk,mt maltese,sa sanskrit,lb luxembourgish,my myanmar,bo tibetan,"+
		"tl tagalog,mg malagasy,as assamese,tt tatar,haw hawaiian,ln lingala,ha hausa,ba bashkir,jw javanese,su sundanese,yue cantonese", ",") {
		code, name, _ := strings.Cut(pair, " ")
		out[name] = code
	}
	return out
}()

// languageCode gives the code of a language that a service calls by its code or, as OpenAI's and whisper.cpp's do, by its name.
func languageCode(said string) string {
	name := strings.ToLower(strings.TrimSpace(said))
	if code := spokenLanguages[name]; code != "" {
		return code
	}
	return name
}
