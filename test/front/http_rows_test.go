package front

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"purser/test/harness"
)

// A row is a rule about bad or unusual HTTP. Its cases have its number, or else tests of their own prove it: those that need
// a clock, several apps, frames of HTTP/2 or a shortage.
type row struct {
	number int
	rule   string
	proofs []string // "folder.Test" each; none = the cases
}

// rows are all of them, in the order in which a request meets what they are about.
var rows = []row{
	{1, "up to four empty lines before a request", nil},
	{2, "no line ends in a bare LF", nil},
	{3, "no CR without its LF", nil},
	{4, "one space between the parts of a request line", nil},
	{5, "any method that is a token, in any case", nil},
	{6, "no method that is no token, or longer than 32 bytes", nil},
	{7, "no HTTP/0.9", nil},
	{8, "HTTP/1.x is 1.1; 505 or 400 else", nil},
	{9, "the preface of HTTP/2 only where that is spoken", []string{"proxy.TestPrefaceOfHTTP2IsRefusedWhereItIsNotAskedFor", "test/front.TestRestartLosesNoRequestOfHTTP2"}},
	{10, "414 for a target above 8 KiB", nil},
	{11, "visible ASCII in targets, nothing else", nil},
	{12, "no fragment", nil},
	{13, "an absolute target becomes a path and a Host", nil},
	{14, "an absolute target wins over Host", nil},
	{15, "no authority for a target; 405 for CONNECT", nil},
	{16, "OPTIONS of the server, and Max-Forwards", nil},
	{17, "a path may begin with two slashes", nil},
	{18, "a path begins with a slash", nil},
	{19, "HTTP/1.1 has a Host", nil},
	{20, "and one only", nil},
	{21, "that is a host", nil},
	{22, "which is compared in a normal form and passed on as it came", nil},
	{23, "421 for a host of another connection, 404 for one of nobody", []string{"test/front.TestConnectionServesOnlyWhatItWasMadeFor", "test/front.TestUnknownHostIsNotFoundByPurserAndSaysSo"}},
	{24, "no white space before the first field", nil},
	{25, "no folded field in a request", nil},
	{26, "no white space before a colon", nil},
	{27, "names are tokens", nil},
	{28, "values without control characters", nil},
	{29, "names that CGI confuses are dropped", nil},
	{30, "431 for a head that is too large", nil},
	{31, "order, case and empty values stay", nil},
	{32, "what may come once comes once", nil},
	{33, "nobody tells about the client but who is trusted", nil},
	{34, "trailers are fields, too, and no headers", nil},
	{35, "no length beside chunks", nil},
	{36, "no chunks in HTTP/1.0", nil},
	{37, "one length only", nil},
	{38, "no two that differ", nil},
	{39, "a length is digits", nil},
	{40, "501 for a coding that nobody knows", nil},
	{41, "501 for one beside chunked", nil},
	{42, "chunked once, and as itself", nil},
	{43, "chunk sizes are hexadecimal digits", nil},
	{44, "chunk extensions are dropped, and bounded", nil},
	{45, "chunks end with CR LF", nil},
	{46, "a body that is cut never passes for a whole one", []string{"test/front.TestClosedInsideABodyIsNeverGivenToTheApp", "proxy.TestABodyThatEndsEarlyIsCutForTheApp"}},
	{47, "requests that are sent ahead are answered in order", nil},
	{48, "any method may have a body", nil},
	{49, "a POST without one has length 0", nil},
	{50, "413 for a body above max_body", nil},
	{51, "fields of the connection stay here", nil},
	{52, "Connection names what is dropped, and what may not be", nil},
	{53, "HTTP/1.0 closes unless it is asked not to, and knows no chunks", nil},
	{54, "nothing after Connection: close", nil},
	{55, "100 Continue once the request may come in, and not before", nil},
	{56, "where the body is passed on while it comes, once a process is there", []string{"proxy.TestABodyIsAskedForOnceAProcessIsThere", "proxy.TestAnEarlyAnswerEndsTheUpload"}},
	{57, "no 100 for whom it is no use; 417 for other expectations", nil},
	{58, "a WebSocket by its whole handshake", nil},
	{59, "no other upgrade", nil},
	{60, "nor one of HTTP/1.0, or with a body", nil},
	{61, "502 for an app that switches unasked", nil},
	{62, "WebSockets in streams of HTTP/2", []string{"proxy.TestWebSocketGoesThroughAStreamOfHTTP2", "proxy/wire.TestExtendedCONNECTIsTheHandshakeOfAWebSocket", "proxy/wire.TestWhatIsRefusedWithAnAnswerIsNotMalformed"}},
	{63, "405 for TRACE and TRACK", nil},
	{64, "an early answer ends the upload", nil},
	{65, "no early data of TLS", nil},
	{66, "508 for a request that goes round", nil},
	{67, "408 for a head that comes too slowly", []string{"test/front.TestSlowHTTPCases", "proxy/client.TestHeadMustComeInTimeHoweverItTrickles"}},
	{68, "handshakes have a deadline", []string{"proxy/client.TestHandshakeMustComeInTime"}},
	{69, "408 for a body that comes too slowly", []string{"test/front.TestSlowHTTPCases", "proxy.TestSlowSenderDoesNotHoldTheProcess"}},
	{70, "who reads too slowly holds no process, and is cut off", []string{"test/front.TestSlowHTTPCases", "test/front.TestClientThatReadsNothingHoldsNoProcess"}},
	{71, "and so in streams of HTTP/2", []string{"proxy/client.TestAnswerThatIsNotTakenIsResetAndTheOthersGoOn", "proxy/client.TestWhoLeavesManyAnswersUnreadIsRefusedMoreWhereMemoryIsShort"}},
	{72, "503 when the queue is full", []string{"test/front.TestFullQueueIs503WithRetryAfter"}},
	{73, "who leaves the queue is never given to the app", []string{"test/front.TestClientThatLeavesTheQueueIsNeverGivenToTheApp"}},
	{74, "where descriptors are short, what is idle makes room", []string{"test/scale.TestIdleConnectionsMakeRoomForNewOnes", "proxy.TestNoErrorOfAcceptEndsTheService"}},
	{75, "400 in clear for HTTP on a port of TLS", []string{"test/front.TestHTTPOnTheTLSPortIsToldSo"}},
	{76, "headers of the PROXY protocol from whom they are due", []string{"test/front.TestHeadersOfThePROXYProtocolComeFromThoseWhoShallSendThem"}},
	{77, "HTTP/2: names and values", []string{"proxy/wire.TestHeaderSectionThatHTTP2ForbidsIsMalformed", "proxy/client.TestRequestThatIsMalformedResetsItsStreamAlone"}},
	{78, "HTTP/2: no fields of a connection", []string{"proxy/wire.TestHeaderSectionThatHTTP2ForbidsIsMalformed", "proxy/client.TestRequestThatIsMalformedResetsItsStreamAlone"}},
	{79, "HTTP/2: no te but trailers", []string{"proxy/wire.TestHeaderSectionThatHTTP2ForbidsIsMalformed"}},
	{80, "HTTP/2: pseudo-fields, once and first", []string{"proxy/wire.TestHeaderSectionThatHTTP2ForbidsIsMalformed", "proxy/wire.TestTrailersAreCheckedAndWhatTheyMayNotCarryIsDropped"}},
	{81, "HTTP/2: :path is a target", []string{"proxy/wire.TestHeaderSectionThatHTTP2ForbidsIsMalformed"}},
	{82, "HTTP/2: :method and :scheme", []string{"proxy/wire.TestHeaderSectionThatHTTP2ForbidsIsMalformed"}},
	{83, "HTTP/2: one authority", []string{"proxy/wire.TestWhatIsRefusedWithAnAnswerIsNotMalformed", "proxy/client.TestHeadThatIsRefusedHasAnAnswer"}},
	{84, "HTTP/2: cookies are joined", []string{"proxy.TestRequestOfHTTP2ReachesTheAppAsHTTP1"}},
	{85, "HTTP/2: a body has its length", []string{"proxy/client.TestBodyThatHasNotItsLengthResetsTheStream"}},
	{86, "HTTP/2: 431 for one head, and the others go on", []string{"proxy/client.TestHeadThatIsTooLargeLeavesTheTableAsItIs", "proxy/client.TestClientIsToldHowLargeAHeadMayBe"}},
	{87, "HTTP/2: CONTINUATION without end", []string{"proxy/client.TestCONTINUATIONFloodEndsTheConnection"}},
	{88, "HTTP/2: rapid reset", []string{"proxy/client.TestRapidResetEndsTheConnection", "proxy/client.TestMoreStreamsThanAllowedAreRefusedAndAResetMakesNoRoom"}},
	{89, "HTTP/2: resets that we are made to send", []string{"proxy/client.TestResetsThatAClientProvokesAreCountedToo"}},
	{90, "HTTP/2: floods of small frames", []string{"proxy/client.TestFloodsEndTheConnection", "proxy/client.TestClientThatReadsNoAnswersToItsPINGsIsCutOff"}},
	{91, "HTTP/2: bombs of HPACK", []string{"proxy/client.TestHPACKBombEndsTheConnection", "proxy/client.TestFrameThatBreaksTheRulesEndsTheConnection"}},
	{92, "HTTP/2: frames that break the rules", []string{"test/front.TestH2spec", "proxy/client.TestFrameThatBreaksTheRulesEndsTheConnection", "proxy/client.TestFrameOfAStreamThatHasEndedIsRefused",
		"proxy/client.TestMoreContentThanTheWindowHoldsEndsTheStream", "proxy/client.TestPrefaceMustBeWholeAndSETTINGSMustFollow"}},
	{93, "HTTP/2: a stop warns first, and then says which was the last", []string{"proxy/client.TestStopWarnsFirstAndThenSaysWhichStreamWasTheLast"}},
	{94, "app: chunks win over a length", nil},
	{95, "app: 502 for a framing that is none", nil},
	{96, "app: 502 for a status that is none", nil},
	{97, "app: 502 for characters that are none; old forms are mended", nil},
	{98, "app: 502 for a head above 128 KiB", nil},
	{99, "app: what may be sent again is, once", nil},
	{100, "app: an answer that is cut never passes for a whole one", nil},
	{101, "app: what comes unasked poisons nobody", nil},
	{102, "app: an answer until the end gets chunks", nil},
	{103, "app: no body where there is none", nil},
	{104, "app: early hints pass", nil},
	{105, "app: 100 does not", nil},
	{106, "app: fields of the connection stay here", nil},
	{107, "app: trailers for who asks", nil},
	{108, "app: files that it names are never taken for content", nil},
	{109, "app: Date is added, cookies are not merged", nil},
	{110, "app: 504 for a head that does not come, and an end for a body", []string{"test/front.TestSlowAppIs504AfterRequestTimeoutAndIsReplaced", "proxy.TestAnswerThatStallsIsCutAndItsProcessReplaced"}},
	{111, "paths: escapes are whole, and none leads above the root", nil},
	{112, "paths: an escaped separator is none", nil},
	{113, "paths: hosts in any case, paths in their own", []string{"test/front.TestHostsAreTheSameInAnyCaseAndPathsAreNot"}},
	{114, "paths: files below their folder, and no others", []string{"test/front.TestNothingBesidePublicCanBeHad", "proxy/files.TestLinksOfADeploymentAreFollowedAndNoOthers"}},
	{115, "paths: a query is never changed", nil},
}

// TestEachRowOfHTTPCasesIsProven looks for the cases of each row, and for the tests that it names.
func TestEachRowOfHTTPCasesIsProven(t *testing.T) {
	all, tests := allHTTPCases(), testsIn{}
	for n, r := range rows {
		if r.number != n+1 {
			t.Fatalf("row %d has number %d", n+1, r.number)
		}
		hasNumber := func(c httpCase) bool { return strings.HasPrefix(c.name, fmt.Sprint(r.number, " ")) }
		if r.proofs == nil && !slices.ContainsFunc(all, hasNumber) {
			t.Errorf("row %d (%s) has no case", r.number, r.rule)
		}
		for _, proof := range r.proofs {
			if folder, name, _ := strings.Cut(proof, "."); !tests.have(t, folder, name) {
				t.Errorf("row %d (%s): there is no test %s", r.number, r.rule, proof)
			}
		}
	}
	t.Logf("%d rows, %d cases", len(rows), len(all))
}

// testsIn are the sources of the tests in each folder.
type testsIn map[string]string

func (in testsIn) have(t *testing.T, folder, name string) bool {
	t.Helper()
	if in[folder] == "" {
		files, err := filepath.Glob(filepath.Join(harness.ModuleDir(), folder, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			in[folder] += string(text)
		}
	}
	return strings.Contains(in[folder], "\nfunc "+name+"(t *testing.T)")
}
