use crate::harness::{ask, check};
#[test]
fn peek() {
    for e in ["1 + 'x'", "'x' + 1", "$number('abc')", "$sum(1, 2)", "$sum('x')", "$foo(1)", "foo(1)", "$error('boom')", "1 < 'x'", "{'a': 1} > 2", "[1..'x']", "$substring(1, 1)", "$toMillis('x')", "$lookup(1)", "$string($sum) & 1 + 's'", "$power(10,1000)", "1/0", "$sqrt(-1)", "$base64decode('%')", "$decodeUrl('%E0%A4%A')", "$reduce([1,2], function($x){$x})", "$single([1,2])", "$assert(false)", "$assert(false, 'no')", "$fromMillis('x')", "$parseInteger('x','0')", "-'x'", "$formatBase(1,1)", "{'a': 1, 'a': 2}", "{1: 2}", "$match('x', 'y')", "$round('x')", "[1,2,3][$undefinedfn()]", "$fromMillis(1, '[Y,*-1000000000]')", "$exists()", "$length(1)", "$join([1,2])", "$split('a', 1)", "$max(['a'])", "$contains('a', 1)", "$x := 1; 2", "$x ?? 1", "1 := 2", "a ? b", "$f(", "(1", "{'a' 1}", "$.a.(", "[1, 2", "@", "#", "1 %% 2", "$string(1,2,3)", "/a", "`a", "\"a", "'\\u12'", "function($x){$x", "a.1", "a[1", "^(a)", "%", "$a.%.b", "|a|b"] {
        println!("{e}\n    {:?}\n    {:?}", ask(e), check(e).map_err(|e| (e.code, e.message)));
    }
}
