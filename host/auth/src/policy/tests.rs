use super::*;
use crate::names::{Name, ServiceName};
use crate::principal::{Kind, Principal};

const ISSUER: &str = "https://issuer.test";

const ACTIONS: [&str; 25] = [
    "UploadComponent",
    "ReadComponent",
    "WriteRole",
    "ReadRole",
    "WriteReview",
    "ReadReview",
    "PublishStateMachine",
    "ReadStateMachine",
    "DeleteStateMachine",
    "WriteAlias",
    "WriteTags",
    "WriteActivity",
    "ReadActivity",
    "PassRole",
    "StartExecution",
    "StopExecution",
    "GetActivityTask",
    "SendTaskSuccess",
    "SendTaskFailure",
    "SendTaskHeartbeat",
    "ReadExecution",
    "TestState",
    "ReadAudit",
    "ReadBackup",
    "ReadMetrics",
];

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn who(kind: Kind, subject: &str, groups: &[&str]) -> Principal {
    Principal {
        issuer: ISSUER.to_owned(),
        subject: subject.to_owned(),
        kind,
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        display_name: None,
    }
}

fn call(principal: Principal, actors: &[Principal]) -> Caller {
    Caller {
        principal,
        actors: actors.to_vec(),
        method: "oidc".to_owned(),
        authenticated_at: None,
        expires_at: 0,
        token_hash: String::new(),
    }
}

fn user(groups: &[&str]) -> Caller {
    call(who(Kind::User, "someone", groups), &[])
}

fn rules<A: Action>(answer: Result<Permit<A>, Denied>) -> Result<Vec<String>, Denied> {
    answer.map(|permit| permit.rules().to_vec())
}

/// Asks for an action by name, on a resource it applies to.
fn ask(policies: &Policies, caller: &Caller, action: &str) -> Result<Vec<String>, Denied> {
    let component = Resource::component(&name("charge-card"));
    let role = Resource::role(&name("payments"));
    let machine = Resource::state_machine(&name("release"));
    let execution = Resource::execution(&name("release"), "0192");
    let activity = Resource::activity(&ServiceName::parse("pack.goods").unwrap());
    match action {
        "UploadComponent" => rules(policies.permits::<UploadComponent>(caller, &component)),
        "ReadComponent" => rules(policies.permits::<ReadComponent>(caller, &component)),
        "WriteRole" => rules(policies.permits::<WriteRole>(caller, &role)),
        "ReadRole" => rules(policies.permits::<ReadRole>(caller, &role)),
        "WriteReview" => rules(policies.permits::<WriteReview>(caller, &component)),
        "ReadReview" => rules(policies.permits::<ReadReview>(caller, &component)),
        "PublishStateMachine" => rules(policies.permits::<PublishStateMachine>(caller, &machine)),
        "ReadStateMachine" => rules(policies.permits::<ReadStateMachine>(caller, &machine)),
        "DeleteStateMachine" => rules(policies.permits::<DeleteStateMachine>(caller, &machine)),
        "WriteAlias" => rules(policies.permits::<WriteAlias>(caller, &machine)),
        "WriteTags" => rules(policies.permits::<WriteTags>(caller, &activity)),
        "WriteActivity" => rules(policies.permits::<WriteActivity>(caller, &activity)),
        "ReadActivity" => rules(policies.permits::<ReadActivity>(caller, &activity)),
        "PassRole" => rules(policies.permits::<PassRole>(caller, &role)),
        "StartExecution" => rules(policies.permits::<StartExecution>(caller, &machine)),
        "StopExecution" => rules(policies.permits::<StopExecution>(caller, &execution)),
        "GetActivityTask" => rules(policies.permits::<GetActivityTask>(caller, &activity)),
        "SendTaskSuccess" => rules(policies.permits::<SendTaskSuccess>(caller, &execution)),
        "SendTaskFailure" => rules(policies.permits::<SendTaskFailure>(caller, &execution)),
        "SendTaskHeartbeat" => rules(policies.permits::<SendTaskHeartbeat>(caller, &execution)),
        "ReadExecution" => rules(policies.permits::<ReadExecution>(caller, &execution)),
        "TestState" => rules(policies.permits::<TestState>(caller, &Resource::host())),
        "ReadAudit" => rules(policies.permits::<ReadAudit>(caller, &Resource::host())),
        "ReadBackup" => rules(policies.permits::<ReadBackup>(caller, &Resource::host())),
        "ReadMetrics" => rules(policies.permits::<ReadMetrics>(caller, &Resource::host())),
        other => panic!("no action {other}"),
    }
}

fn permitted(policies: &Policies, caller: &Caller) -> Vec<&'static str> {
    let actions = ACTIONS.into_iter();
    actions
        .filter(|action| ask(policies, caller, action).is_ok())
        .collect()
}

fn parse(text: &str) -> Result<Policies, Vec<String>> {
    let file = PolicyFile {
        name: "test.cedar".to_owned(),
        text: text.to_owned(),
    };
    let messages = |problems: Vec<Problem>| problems.into_iter().map(|p| p.message).collect();
    Policies::parse(&[file]).map_err(messages)
}

const OPERATOR: [&str; 22] = [
    "ReadComponent",
    "WriteRole",
    "ReadRole",
    "ReadReview",
    "PublishStateMachine",
    "ReadStateMachine",
    "DeleteStateMachine",
    "WriteAlias",
    "WriteTags",
    "WriteActivity",
    "ReadActivity",
    "PassRole",
    "StartExecution",
    "StopExecution",
    "GetActivityTask",
    "SendTaskSuccess",
    "SendTaskFailure",
    "SendTaskHeartbeat",
    "ReadExecution",
    "TestState",
    "ReadBackup",
    "ReadMetrics",
];

#[test]
fn each_development_group_may_do_its_work_and_nothing_else() {
    let policies = Policies::development();
    let table: [(&[&str], &[&str]); 7] = [
        (
            &["authors"],
            &["UploadComponent", "ReadComponent", "ReadRole", "ReadReview"],
        ),
        (&["operators"], &OPERATOR),
        (
            &["reviewers"],
            &[
                "ReadComponent",
                "ReadRole",
                "WriteReview",
                "ReadReview",
                "ReadStateMachine",
            ],
        ),
        (&["approvers"], &["ReadExecution"]),
        (
            &["auditors"],
            &[
                "ReadComponent",
                "ReadRole",
                "ReadReview",
                "ReadStateMachine",
                "ReadActivity",
                "ReadExecution",
                "ReadAudit",
                "ReadMetrics",
            ],
        ),
        (&["guests"], &[]),
        (&[], &[]),
    ];
    for (groups, expected) in table {
        assert_eq!(permitted(&policies, &user(groups)), expected, "{groups:?}");
    }
}

#[test]
fn a_permit_names_who_what_and_by_which_rule() {
    let policies = Policies::development();
    let caller = user(&["operators"]);
    let machine = Resource::state_machine(&name("release"));
    let permit = policies
        .permits::<StartExecution>(&caller, &machine)
        .unwrap();
    assert_eq!(permit.caller(), &caller);
    assert_eq!(permit.resource().to_string(), "state-machine/release");
    assert_eq!(permit.rules(), ["development.operators"]);
    assert_eq!(permit.action(), "StartExecution");
}

#[test]
fn a_refusal_names_the_action_the_resource_and_the_person() {
    let denied = ask(
        &Policies::development(),
        &user(&["authors"]),
        "StopExecution",
    )
    .unwrap_err();
    assert_eq!(denied.action, "StopExecution");
    assert_eq!(denied.resource, "execution/release/0192");
    assert_eq!(denied.rule, Denied::DEFAULT);
    assert!(
        denied
            .reason
            .contains("the principal `https://issuer.test|someone`"),
        "{denied}"
    );
}

#[test]
fn no_policies_deny_everything_to_everybody() {
    let everyone = ["authors", "operators", "reviewers", "approvers", "auditors"];
    assert_eq!(
        permitted(&Policies::none(), &user(&everyone)),
        Vec::<&str>::new()
    );
}

#[test]
fn listings_are_asked_of_the_host() {
    let (policies, auditor, guest) = (Policies::development(), user(&["auditors"]), user(&[]));
    let host = Resource::host();
    assert!(policies.permits::<ReadComponent>(&auditor, &host).is_ok());
    assert!(policies.permits::<ReadRole>(&auditor, &host).is_ok());
    assert!(policies.permits::<ReadReview>(&auditor, &host).is_ok());
    assert!(
        policies
            .permits::<ReadStateMachine>(&auditor, &host)
            .is_ok()
    );
    assert!(policies.permits::<ReadExecution>(&auditor, &host).is_ok());
    assert!(policies.permits::<ReadExecution>(&guest, &host).is_err());
}

#[test]
fn an_action_is_refused_on_a_resource_it_does_not_apply_to() {
    let answer =
        Policies::development().permits::<StopExecution>(&user(&["operators"]), &Resource::host());
    let denied = answer.unwrap_err();
    assert_eq!(denied.rule, Denied::DEFAULT);
    assert!(denied.reason.contains("could not be asked"), "{denied}");
}

#[test]
fn an_agent_may_do_what_both_it_and_its_person_may() {
    let policies = Policies::development();
    let agent = || who(Kind::Agent, "agent", &[]);
    let for_whom = |groups: &[&str]| call(who(Kind::User, "someone", groups), &[agent()]);
    let both = [
        "ReadStateMachine",
        "PassRole",
        "StartExecution",
        "ReadExecution",
    ];
    assert_eq!(permitted(&policies, &for_whom(&["operators"])), both);
    assert_eq!(
        permitted(&policies, &for_whom(&["authors"])),
        Vec::<&str>::new()
    );
    assert_eq!(permitted(&policies, &for_whom(&[])), Vec::<&str>::new());
    let rules = ask(&policies, &for_whom(&["operators"]), "PassRole").unwrap();
    assert_eq!(rules, ["development.agents", "development.operators"]);
    let denied = ask(&policies, &for_whom(&["operators"]), "StopExecution").unwrap_err();
    assert!(
        denied
            .reason
            .contains("the actor `https://issuer.test|agent`"),
        "{denied}"
    );
}

#[test]
fn an_agent_on_nobodys_behalf_may_do_nothing() {
    let alone = call(who(Kind::Agent, "agent", &[]), &[]);
    assert_eq!(
        permitted(&Policies::development(), &alone),
        Vec::<&str>::new()
    );
}

#[test]
fn an_actor_has_its_own_groups_and_never_its_persons() {
    let policies = Policies::development();
    let author = who(Kind::User, "author", &["authors"]);
    let operator = who(Kind::Service, "pipeline", &["operators"]);
    let shared = ["ReadComponent", "ReadRole", "ReadReview"];
    assert_eq!(permitted(&policies, &call(author, &[operator])), shared);
}

#[test]
fn an_earlier_actor_can_only_add_a_refusal() {
    let policies = parse(
        r#"@id("all") permit (principal, action, resource);
           @id("not-through-scrapers") forbid (principal in Group::"scrapers", action, resource);"#,
    );
    let policies = policies.unwrap();
    let person = || who(Kind::User, "someone", &[]);
    let agent = |groups: &[&str]| who(Kind::Agent, "agent", groups);
    let innocent = call(person(), &[agent(&[]), agent(&[])]);
    assert!(ask(&policies, &innocent, "StartExecution").is_ok());
    let tainted = call(person(), &[agent(&[]), agent(&[]), agent(&["scrapers"])]);
    let denied = ask(&policies, &tainted, "StartExecution").unwrap_err();
    assert_eq!(denied.rule, "not-through-scrapers");
    assert!(denied.reason.contains("the earlier actor"), "{denied}");

    // What no policy says about an earlier actor is neither for nor against the call.
    let development = Policies::development();
    let operator = || who(Kind::User, "someone", &["operators"]);
    let chain = call(operator(), &[agent(&[]), who(Kind::User, "nobody", &[])]);
    assert!(ask(&development, &chain, "StartExecution").is_ok());
    let not_current = call(operator(), &[who(Kind::User, "nobody", &[]), agent(&[])]);
    assert!(ask(&development, &not_current, "StartExecution").is_err());
}

#[test]
fn the_context_tells_policies_who_acts_for_whom() {
    let policies = parse(
        r#"@id("all") permit (principal, action, resource);
           @id("no-agents-for-root") forbid (principal, action, resource)
             when { context has actingFor && context.actingFor.subject == "root" };
           @id("stop-by-hand") forbid (principal is User, action == Action::"StopExecution", resource)
             when { context has actor && context.actor.kind == "agent" };"#,
    );
    let policies = policies.unwrap();
    let agent = || [who(Kind::Agent, "agent", &[])];
    let root = call(who(Kind::User, "root", &[]), &agent());
    assert_eq!(
        ask(&policies, &root, "ReadRole").unwrap_err().rule,
        "no-agents-for-root"
    );
    let person = || who(Kind::User, "someone", &[]);
    let helped = call(person(), &agent());
    assert!(ask(&policies, &helped, "ReadRole").is_ok());
    assert_eq!(
        ask(&policies, &helped, "StopExecution").unwrap_err().rule,
        "stop-by-hand"
    );
    assert!(ask(&policies, &call(person(), &[]), "StopExecution").is_ok());
}

#[test]
fn policies_can_be_about_single_resources_and_issuers() {
    let policies = parse(
        r#"permit (principal, action == Action::"ReadExecution", resource in StateMachine::"release")
             when { principal.issuer == "https://issuer.test" };
           permit (principal, action == Action::"ReadRole", resource)
             when { resource has name && resource.name like "pay*" && principal.groups.contains("x") };"#,
    );
    let policies = policies.unwrap();
    assert_eq!(
        ask(&policies, &user(&[]), "ReadExecution").unwrap(),
        ["test.cedar#1"]
    );
    let other = Resource::execution(&name("other"), "1");
    assert!(
        policies
            .permits::<ReadExecution>(&user(&[]), &other)
            .is_err()
    );
    let mut stranger = user(&[]);
    stranger.principal.issuer = "https://elsewhere.test".to_owned();
    assert!(ask(&policies, &stranger, "ReadExecution").is_err());
    assert_eq!(
        ask(&policies, &user(&["x"]), "ReadRole").unwrap(),
        ["test.cedar#2"]
    );
    assert!(ask(&policies, &user(&["y"]), "ReadRole").is_err());
}

#[test]
fn a_policy_that_cannot_be_evaluated_denies() {
    let policies = parse(
        r#"@id("all") permit (principal, action, resource);
           @id("overflows") forbid (principal, action == Action::"ReadAudit", resource)
             when { 9223372036854775807 + 1 == 0 };"#,
    );
    let policies = policies.unwrap();
    let denied = ask(&policies, &user(&[]), "ReadAudit").unwrap_err();
    assert_eq!(denied.rule, "overflows");
    assert!(denied.reason.contains("overflow"), "{denied}");
    assert!(ask(&policies, &user(&[]), "ReadRole").is_ok());
}

#[test]
fn strange_names_of_people_and_groups_do_not_confuse_decisions() {
    let policies = Policies::development();
    let groups = [
        "\"operators\"",
        "operators\u{0}",
        "Group::\"operators\"",
        "Operators",
        "opеrators",
    ];
    for group in groups {
        let mut caller = user(&[group]);
        caller.principal.subject = "\"; permit (principal, action, resource); //".to_owned();
        assert_eq!(
            permitted(&policies, &caller),
            Vec::<&str>::new(),
            "{group:?}"
        );
    }
}

#[test]
fn problems_of_policy_files_name_file_and_line() {
    let table = [
        (
            "permit (principal, action, resource)",
            "line 1: unexpected end",
        ),
        (
            "\n\npermit (principal action, resource);",
            "line 3: unexpected token `action`",
        ),
        (
            "permit (principal, action, resource)\nwhen { \"unclosed };",
            "line 2: the string is not closed",
        ),
        (
            "permit (principal == ?principal, action, resource);",
            "line 1: templates are not",
        ),
        (
            "\npermit (principal, action == Action::\"Fly\", resource);",
            "line 2: for policy",
        ),
        (
            "permit (principal in Team::\"a\", action, resource);",
            "unrecognized entity type `Team`",
        ),
        (
            "permit (principal, action, resource)\nwhen {\n  principal.email == \"a\" };",
            "line 3: for policy `test.cedar#1`, attribute `email`",
        ),
        (
            "permit (principal, action, resource) when { context.actor.kind == \"agent\" };",
            "optional attribute",
        ),
        (
            "permit (principal, action == Action::\"ReadAudit\", resource is Role);",
            "unable to find an applicable action",
        ),
        (
            "permit (principal, action, resource) when { principal.subject == \"a\u{202e}b\" };",
            "BIDI",
        ),
        (
            "@id(\"\")\npermit (principal, action, resource);",
            "an `@id` has 1 to 128",
        ),
        (
            "@id(\"default-deny\") permit (principal, action, resource);",
            "is not `default-deny`",
        ),
        (
            "@id(\"a\") permit (principal, action, resource);\n@id(\"a\") permit (principal, action, resource);",
            "line 2: the policy id `a` is taken by `test.cedar` line 1",
        ),
    ];
    for (text, expected) in table {
        let problems = parse(text).map(|_| ()).unwrap_err();
        let found = problems.iter().any(|problem| problem.contains(expected));
        assert!(found, "{text}\nexpected {expected}\nfound {problems:?}");
        assert!(
            problems
                .iter()
                .all(|problem| problem.starts_with("policy file `test.cedar` line "))
        );
        assert!(problems.iter().all(|problem| !problem.contains('\n')));
    }
}

#[test]
fn every_file_is_read_before_problems_are_reported() {
    let file = |name: &str, text: &str| PolicyFile {
        name: name.to_owned(),
        text: text.to_owned(),
    };
    let files = [
        file("a.cedar", "permit ("),
        file(
            "b.cedar",
            "\nforbid (principal, action == Action::\"X\", resource);",
        ),
        file("c.cedar", &" ".repeat(1024 * 1024 + 1)),
    ];
    let problems = Policies::parse(&files).unwrap_err();
    for (name, line) in [("a.cedar", 1), ("b.cedar", 2), ("c.cedar", 1)] {
        let begin = format!("policy file `{name}` line {line}: ");
        let found = problems
            .iter()
            .any(|problem| problem.message.starts_with(&begin));
        assert!(found, "{name}: {problems:?}");
    }
}

#[test]
fn oversized_and_deeply_nested_policies_are_refused() {
    let policy = |condition: &str| {
        parse(&format!(
            "permit (principal, action, resource) when {{ {condition} }};"
        ))
    };
    let nested = |depth: usize| format!("{}true{}", "(".repeat(depth), ")".repeat(depth));
    assert!(policy(&nested(31)).is_ok());
    assert!(policy(&["true"; 1000].join(" &&\n")).is_ok());
    let refused = [
        (nested(32), "nested deeper than 32"),
        (nested(100_000), "nested deeper than 32"),
        ("[".repeat(100_000), "nested deeper than 32"),
        ("{a:".repeat(100_000), "nested deeper than 32"),
        (format!("{}true", "!".repeat(1000)), "too many"),
        (format!("\" {}", nested(100_000)), "string is not closed"),
        ("if true then true else ".repeat(5000), "longer than 16 KiB"),
        (
            format!("principal{}", ".a".repeat(100_000)),
            "longer than 16 KiB",
        ),
    ];
    for (condition, expected) in refused {
        let problems = policy(&condition).err().unwrap();
        assert!(problems[0].contains(expected), "{expected}: {problems:?}");
    }
    let brackets_in_text = format!(
        "principal.subject == \"{}\" // {}\n",
        "(\\\"".repeat(40),
        "(".repeat(40)
    );
    assert!(policy(&brackets_in_text).is_ok());
}

#[test]
fn the_digest_follows_every_change() {
    let file = |name: &str, text: &str| PolicyFile {
        name: name.to_owned(),
        text: text.to_owned(),
    };
    let policy = "permit (principal, action, resource);";
    let digests = [
        Policies::none().digest().clone(),
        Policies::development().digest().clone(),
        Policies::parse(&[file("a", policy)])
            .unwrap()
            .digest()
            .clone(),
        Policies::parse(&[file("b", policy)])
            .unwrap()
            .digest()
            .clone(),
        Policies::parse(&[file("a", &format!("{policy} "))])
            .unwrap()
            .digest()
            .clone(),
    ];
    for (index, digest) in digests.iter().enumerate() {
        assert!(!digests[..index].contains(digest), "{index}");
    }
    assert_eq!(Policies::none().digest(), &digests[0]);
}

#[test]
fn callers_and_resources_have_the_shapes_of_the_schema() {
    let schema = schema();
    let kinds = [Kind::User, Kind::Service, Kind::Agent];
    let people = kinds.map(|kind| entities::principal(&who(kind, "someone", &["a", "b"])).unwrap());
    let resources = [
        Resource::component(&name("a")),
        Resource::role(&name("a")),
        Resource::state_machine(&name("a")),
        Resource::execution(&name("a"), "1"),
        Resource::activity(&ServiceName::parse("a.b").unwrap()),
        Resource::host(),
    ];
    let resources = resources.map(|resource| entities::resource(&resource).unwrap());
    let all = people.into_iter().chain(resources);
    cedar_policy::Entities::from_entities(all, Some(&schema)).unwrap();
}
