//! Those who change what may run.

use auth::names::ServiceName;
use auth::policy::PublishStateMachine;
use auth::policy::{Resource, UploadComponent, WriteActivity, WriteReview, WriteRole};
use bytes::Bytes;
use engine::{Draft, MachineType, RoleReference, Settings, Tags};
use serde_json::{Value, json};

use super::{Answer, Clients};
use crate::definitions::{ACTIVITY, COMPONENTS};
use crate::people::name;
use crate::plan::EXPRESS;

impl Clients {
    /// Everything that executions need, before anything befalls the host.
    pub(crate) async fn prepare(&self) {
        self.write_role(true).await;
        self.put_role("plain", json!({})).await;
        for component in COMPONENTS {
            self.upload(component).await;
            for role in ["worker", "plain"] {
                self.review_under(component, role, true).await;
            }
        }
        let activity = ServiceName::parse(ACTIVITY).unwrap();
        let permit = self.permit::<WriteActivity>("operators", &Resource::activity(&activity));
        let made =
            self.engine
                .create_activity(permit.unwrap(), activity, Tags::default(), Value::Null);
        made.await.unwrap();
        for (machine, definition) in &self.outside.plan.machines {
            let machine = name(machine);
            let resource = Resource::state_machine(&machine);
            let permit = self.permit::<PublishStateMachine>("operators", &resource);
            let role = Some(name("worker"));
            let published = self
                .engine
                .publish(permit.unwrap(), machine, definition, role);
            let published = published.await;
            assert!(published.is_ok(), "{published:?} {definition}");
        }
        self.create_express().await;
    }

    async fn create_express(&self) {
        let Some(definition) = &self.outside.plan.express else {
            return;
        };
        let machine = name(EXPRESS);
        let permit = self.permit("operators", &Resource::state_machine(&machine));
        let draft = Draft {
            definition: definition.clone().into(),
            role: Some(RoleReference {
                name: name("worker"),
                arn: None,
            }),
            settings: Settings {
                kind: MachineType::Express,
                ..Settings::default()
            },
        };
        let tags = Tags::default();
        let made = self
            .engine
            .create_machine(permit.unwrap(), machine, draft, tags, None);
        let made = made.await;
        assert!(made.is_ok(), "{made:?} {definition}");
    }

    async fn upload(&self, component: &str) {
        let manifest = match component {
            "steady" => "idempotent = true",
            "keyed" => "idempotent = true\n[config]\nregion = \"where\"",
            _ => "idempotent = false",
        };
        let component = name(component);
        let permit = self.permit::<UploadComponent>("authors", &Resource::component(&component));
        let bytes = Bytes::from_static(manifest.as_bytes());
        let version = semver::Version::new(1, 0, 0);
        let uploaded = self
            .engine
            .upload_component(permit.unwrap(), component, version, bytes);
        uploaded.await.unwrap();
    }

    pub(super) async fn write_role(&self, is_wide: bool) {
        let grants = match is_wide {
            true => json!({"config": {"region": "eu"}}),
            false => json!({}),
        };
        self.put_role("worker", grants).await;
    }

    async fn put_role(&self, role: &str, grants: Value) {
        let role = name(role);
        loop {
            let resource = Resource::role(&role);
            let Some(permit) = self.permit::<WriteRole>("operators", &resource) else {
                return;
            };
            let put = self.engine.put_role(permit, role.clone(), &grants).await;
            if let Answer::Told(_) = self.answer(put).await {
                return;
            }
        }
    }

    pub(super) async fn review(&self, component: &str, approves: bool) {
        self.review_under(component, "worker", approves).await;
    }

    async fn review_under(&self, component: &str, role: &str, approves: bool) {
        let decision = if approves { "approve" } else { "reject" };
        let review = json!({"component": component, "version": "1.0.0", "role": role,
            "decision": decision, "comment": ""});
        loop {
            let resource = Resource::component(&name(component));
            let Some(permit) = self.permit::<WriteReview>("reviewers", &resource) else {
                return;
            };
            let written = self.engine.write_review(permit, &review).await;
            if let Answer::Told(_) = self.answer(written).await {
                return;
            }
        }
    }
}
