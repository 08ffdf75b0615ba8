CREATE TABLE "provider_credentials" (
	"id" text PRIMARY KEY NOT NULL,
	"organization_id" text NOT NULL,
	"provider" text NOT NULL,
	"name" text NOT NULL,
	"base_url" text,
	"last_four" text NOT NULL,
	"priority" integer DEFAULT 0 NOT NULL,
	"models" text[],
	"key_ids" text[],
	"status" text DEFAULT 'active' NOT NULL,
	"refusals" integer DEFAULT 0 NOT NULL,
	"last_used_at" timestamp with time zone,
	"last_error" text,
	"last_error_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "provider_credentials_address" CHECK (("provider_credentials"."provider" = 'openai-compatible') = ("provider_credentials"."base_url" is not null) and ("provider_credentials"."base_url" is null or cardinality("provider_credentials"."models") > 0)),
	CONSTRAINT "provider_credentials_lists" CHECK (cardinality("provider_credentials"."models") > 0 and cardinality("provider_credentials"."key_ids") > 0),
	CONSTRAINT "provider_credentials_status" CHECK ("provider_credentials"."status" in ('active', 'paused')),
	CONSTRAINT "provider_credentials_last_four" CHECK (length("provider_credentials"."last_four") <= 4)
);
--> statement-breakpoint
CREATE TABLE "secrets" (
	"owner_table" text NOT NULL,
	"owner_id" text NOT NULL,
	"purpose" text NOT NULL,
	"organization_id" text,
	"version" integer NOT NULL,
	"kek" text NOT NULL,
	"kek_id" text NOT NULL,
	"wrapped_dek" text NOT NULL,
	"sealed" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"rewrapped_at" timestamp with time zone,
	CONSTRAINT "secrets_pk" PRIMARY KEY("owner_table","owner_id","purpose"),
	CONSTRAINT "secrets_kek" CHECK ("secrets"."kek" in ('local', 'aws')),
	CONSTRAINT "secrets_version" CHECK ("secrets"."version" >= 1),
	CONSTRAINT "secrets_are_sealed" CHECK ("secrets"."sealed" ~ '^[A-Za-z0-9_-]{39,}$' and "secrets"."wrapped_dek" ~ '^[A-Za-z0-9_-]{80,}$')
);
--> statement-breakpoint
ALTER TABLE "customer_events" DROP CONSTRAINT "customer_events_movement";--> statement-breakpoint
ALTER TABLE "customer_events" DROP CONSTRAINT "customer_events_type";--> statement-breakpoint
ALTER TABLE "customer_events" ALTER COLUMN "balance_nanos" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "customer_events" ALTER COLUMN "threshold_nanos" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "customer_events" ADD COLUMN "credential_id" text;--> statement-breakpoint
ALTER TABLE "organizations" ADD COLUMN "credentials_version" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "organizations" ADD COLUMN "byok_fallback" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "request_logs" ADD COLUMN "credential_id" text;--> statement-breakpoint
ALTER TABLE "upstreams" ADD COLUMN "byok" text;--> statement-breakpoint
ALTER TABLE "usage_records" ADD COLUMN "credential_id" text;--> statement-breakpoint
ALTER TABLE "provider_credentials" ADD CONSTRAINT "provider_credentials_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "secrets" ADD CONSTRAINT "secrets_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "provider_credentials_organization" ON "provider_credentials" USING btree ("organization_id");--> statement-breakpoint
CREATE INDEX "secrets_kek_id" ON "secrets" USING btree ("kek","kek_id");--> statement-breakpoint
ALTER TABLE "customer_events" ADD CONSTRAINT "customer_events_movement" UNIQUE NULLS NOT DISTINCT("organization_id","type","balance_version","credential_id");--> statement-breakpoint
ALTER TABLE "customer_events" ADD CONSTRAINT "customer_events_subject" CHECK (("customer_events"."type" = 'credential.paused') = ("customer_events"."credential_id" is not null)
        and ("customer_events"."credential_id" is null) = ("customer_events"."balance_nanos" is not null and "customer_events"."threshold_nanos" is not null));--> statement-breakpoint
ALTER TABLE "customer_events" ADD CONSTRAINT "customer_events_type" CHECK ("customer_events"."type" in ('balance.low', 'balance.exhausted', 'credential.paused'));--> statement-breakpoint
ALTER TABLE "upstreams" ADD CONSTRAINT "upstreams_byok" CHECK ("upstreams"."kind" <> 'cliproxyapi' or "upstreams"."byok" is null);