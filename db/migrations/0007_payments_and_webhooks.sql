CREATE TABLE "billing_accounts" (
	"organization_id" text PRIMARY KEY NOT NULL,
	"stripe_customer_id" text,
	"livemode" boolean,
	"payment_method_id" text,
	"card" jsonb,
	"automatic" boolean DEFAULT false NOT NULL,
	"threshold_nanos" bigint,
	"amount_nanos" bigint,
	"monthly_cap_nanos" bigint,
	"automatic_since" timestamp with time zone,
	"stopped_because" text,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "billing_accounts_stripe_customer" UNIQUE("stripe_customer_id"),
	CONSTRAINT "billing_accounts_automatic" CHECK (not "billing_accounts"."automatic" or ("billing_accounts"."payment_method_id" is not null and "billing_accounts"."threshold_nanos" is not null and "billing_accounts"."amount_nanos" > 0 and "billing_accounts"."monthly_cap_nanos" >= "billing_accounts"."amount_nanos"))
);
--> statement-breakpoint
CREATE TABLE "credit_grants" (
	"id" text PRIMARY KEY NOT NULL,
	"organization_id" text NOT NULL,
	"code" text,
	"amount_nanos" bigint NOT NULL,
	"remaining_nanos" bigint NOT NULL,
	"reason" text NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"expired_at" timestamp with time zone,
	"idempotency_key" text,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "credit_grants_idempotency_key" UNIQUE("idempotency_key"),
	CONSTRAINT "credit_grants_code" UNIQUE("organization_id","code"),
	CONSTRAINT "credit_grants_remaining" CHECK ("credit_grants"."remaining_nanos" between 0 and "credit_grants"."amount_nanos")
);
--> statement-breakpoint
CREATE TABLE "payment_findings" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "payment_findings_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"object_id" text NOT NULL,
	"reason" text NOT NULL,
	"organization_id" text,
	"details" jsonb NOT NULL,
	"found_at" timestamp with time zone DEFAULT now() NOT NULL,
	"resolved_at" timestamp with time zone,
	"resolved_by" text,
	"resolution" text,
	CONSTRAINT "payment_findings_object" UNIQUE("object_id","reason")
);
--> statement-breakpoint
CREATE TABLE "promotion_codes" (
	"code" text PRIMARY KEY NOT NULL,
	"amount_nanos" bigint NOT NULL,
	"credit_days" integer NOT NULL,
	"max_redemptions" integer,
	"redemptions" integer DEFAULT 0 NOT NULL,
	"expires_at" timestamp with time zone,
	"disabled_at" timestamp with time zone,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "promotion_codes_amount" CHECK ("promotion_codes"."amount_nanos" > 0),
	CONSTRAINT "promotion_codes_credit_days" CHECK ("promotion_codes"."credit_days" between 1 and 3650),
	CONSTRAINT "promotion_codes_redemptions" CHECK ("promotion_codes"."redemptions" <= "promotion_codes"."max_redemptions")
);
--> statement-breakpoint
CREATE TABLE "stripe_events" (
	"id" text PRIMARY KEY NOT NULL,
	"type" text NOT NULL,
	"object_id" text NOT NULL,
	"livemode" boolean NOT NULL,
	"status" text DEFAULT 'received' NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"received_at" timestamp with time zone DEFAULT now() NOT NULL,
	"due_at" timestamp with time zone DEFAULT now()
);
--> statement-breakpoint
CREATE TABLE "top_up_returns" (
	"id" text PRIMARY KEY NOT NULL,
	"top_up_id" text NOT NULL,
	"cents" bigint NOT NULL,
	"came_back" boolean DEFAULT false NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "top_ups" (
	"id" text PRIMARY KEY NOT NULL,
	"organization_id" text NOT NULL,
	"kind" text NOT NULL,
	"amount_nanos" bigint NOT NULL,
	"status" text DEFAULT 'pending' NOT NULL,
	"failure" text,
	"livemode" boolean NOT NULL,
	"checkout_session_id" text,
	"payment_intent_id" text,
	"paid_cents" bigint,
	"tax_cents" bigint,
	"receipt_url" text,
	"invoice_number" text,
	"invoice_url" text,
	"invoice_pdf_url" text,
	"returned_nanos" bigint DEFAULT 0 NOT NULL,
	"created_by" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"finished_at" timestamp with time zone,
	CONSTRAINT "top_ups_checkout_session" UNIQUE("checkout_session_id"),
	CONSTRAINT "top_ups_payment_intent" UNIQUE("payment_intent_id"),
	CONSTRAINT "top_ups_amount" CHECK ("top_ups"."amount_nanos" > 0 and "top_ups"."amount_nanos" % 10000000 = 0),
	CONSTRAINT "top_ups_failure" CHECK (("top_ups"."status" = 'failed') = ("top_ups"."failure" is not null))
);
--> statement-breakpoint
CREATE TABLE "webhook_attempts" (
	"delivery_id" text NOT NULL,
	"number" integer NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	"duration_ms" integer NOT NULL,
	"outcome" text NOT NULL,
	"status" integer,
	"answer" text,
	CONSTRAINT "webhook_attempts_pk" PRIMARY KEY("delivery_id","number")
);
--> statement-breakpoint
CREATE TABLE "webhook_deliveries" (
	"id" text PRIMARY KEY NOT NULL,
	"organization_id" text NOT NULL,
	"endpoint_id" text NOT NULL,
	"event" bigint NOT NULL,
	"replay" integer DEFAULT 0 NOT NULL,
	"status" text DEFAULT 'pending' NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"due_at" timestamp with time zone DEFAULT now(),
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"finished_at" timestamp with time zone,
	CONSTRAINT "webhook_deliveries_event" UNIQUE("endpoint_id","event","replay"),
	CONSTRAINT "webhook_deliveries_due" CHECK (("webhook_deliveries"."status" = 'pending') = ("webhook_deliveries"."due_at" is not null)),
	CONSTRAINT "webhook_deliveries_finished" CHECK (("webhook_deliveries"."status" = 'pending') = ("webhook_deliveries"."finished_at" is null))
);
--> statement-breakpoint
CREATE TABLE "webhook_endpoints" (
	"id" text PRIMARY KEY NOT NULL,
	"organization_id" text NOT NULL,
	"url" text NOT NULL,
	"description" text DEFAULT '' NOT NULL,
	"event_types" text[],
	"status" text DEFAULT 'active' NOT NULL,
	"paused_because" text,
	"failing_since" timestamp with time zone,
	"previous_secret_until" timestamp with time zone,
	"leased_until" timestamp with time zone,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "webhook_endpoints_paused" CHECK (("webhook_endpoints"."status" = 'paused') = ("webhook_endpoints"."paused_because" is not null))
);
--> statement-breakpoint
ALTER TABLE "customer_events" DROP CONSTRAINT "customer_events_movement";--> statement-breakpoint
ALTER TABLE "customer_events" DROP CONSTRAINT "customer_events_subject";--> statement-breakpoint
ALTER TABLE "customer_events" DROP CONSTRAINT "customer_events_type";--> statement-breakpoint
DROP INDEX "customer_events_unmailed";--> statement-breakpoint
ALTER TABLE "customer_events" ADD COLUMN "event_id" text DEFAULT 'evt_' || replace(gen_random_uuid()::text, '-', '') NOT NULL;--> statement-breakpoint
ALTER TABLE "customer_events" ADD COLUMN "data" jsonb;--> statement-breakpoint
ALTER TABLE "customer_events" ADD COLUMN "dedupe" text;--> statement-breakpoint
ALTER TABLE "customer_events" ADD COLUMN "only_endpoint_id" text;--> statement-breakpoint
ALTER TABLE "customer_events" ADD COLUMN "fanned_out_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "organizations" ADD COLUMN "spent_nanos" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "organizations" ADD COLUMN "grants_spent_nanos" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "signing_keys" ADD COLUMN "public_jwk" jsonb;--> statement-breakpoint
ALTER TABLE "billing_accounts" ADD CONSTRAINT "billing_accounts_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "credit_grants" ADD CONSTRAINT "credit_grants_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "credit_grants" ADD CONSTRAINT "credit_grants_code_promotion_codes_code_fk" FOREIGN KEY ("code") REFERENCES "public"."promotion_codes"("code") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "top_up_returns" ADD CONSTRAINT "top_up_returns_top_up_id_top_ups_id_fk" FOREIGN KEY ("top_up_id") REFERENCES "public"."top_ups"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "top_ups" ADD CONSTRAINT "top_ups_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhook_attempts" ADD CONSTRAINT "webhook_attempts_delivery_id_webhook_deliveries_id_fk" FOREIGN KEY ("delivery_id") REFERENCES "public"."webhook_deliveries"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhook_deliveries" ADD CONSTRAINT "webhook_deliveries_endpoint_id_webhook_endpoints_id_fk" FOREIGN KEY ("endpoint_id") REFERENCES "public"."webhook_endpoints"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhook_deliveries" ADD CONSTRAINT "webhook_deliveries_event_customer_events_id_fk" FOREIGN KEY ("event") REFERENCES "public"."customer_events"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhook_endpoints" ADD CONSTRAINT "webhook_endpoints_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "billing_accounts_automatic_on" ON "billing_accounts" USING btree ("organization_id") WHERE "billing_accounts"."automatic";--> statement-breakpoint
CREATE INDEX "credit_grants_expiry" ON "credit_grants" USING btree ("expires_at") WHERE "credit_grants"."expired_at" is null;--> statement-breakpoint
CREATE INDEX "credit_grants_organization" ON "credit_grants" USING btree ("organization_id","id");--> statement-breakpoint
CREATE INDEX "payment_findings_open" ON "payment_findings" USING btree ("id") WHERE "payment_findings"."resolved_at" is null;--> statement-breakpoint
CREATE INDEX "stripe_events_due" ON "stripe_events" USING btree ("due_at") WHERE "stripe_events"."status" = 'received';--> statement-breakpoint
CREATE INDEX "top_up_returns_top_up" ON "top_up_returns" USING btree ("top_up_id");--> statement-breakpoint
CREATE INDEX "top_ups_organization" ON "top_ups" USING btree ("organization_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "top_ups_one_automatic" ON "top_ups" USING btree ("organization_id") WHERE "top_ups"."kind" = 'automatic' and "top_ups"."status" = 'pending';--> statement-breakpoint
CREATE INDEX "top_ups_pending" ON "top_ups" USING btree ("created_at") WHERE "top_ups"."status" = 'pending';--> statement-breakpoint
CREATE INDEX "webhook_deliveries_endpoint_due" ON "webhook_deliveries" USING btree ("endpoint_id","due_at") WHERE "webhook_deliveries"."status" = 'pending';--> statement-breakpoint
CREATE INDEX "webhook_deliveries_endpoint" ON "webhook_deliveries" USING btree ("endpoint_id","id");--> statement-breakpoint
CREATE INDEX "webhook_deliveries_of_event" ON "webhook_deliveries" USING btree ("event");--> statement-breakpoint
CREATE INDEX "webhook_endpoints_organization" ON "webhook_endpoints" USING btree ("organization_id");--> statement-breakpoint
CREATE INDEX "api_keys_capped" ON "api_keys" USING btree ("organization_id") WHERE coalesce("limits" -> 'spendPerDayNanos', "limits" -> 'spendPerMonthNanos') is not null;--> statement-breakpoint
CREATE INDEX "customer_events_waiting" ON "customer_events" USING btree ("organization_id","id") WHERE "customer_events"."fanned_out_at" is null;--> statement-breakpoint
CREATE INDEX "customer_events_unmailed" ON "customer_events" USING btree ("id") WHERE "customer_events"."mailed_at" is null and ("customer_events"."type" in ('balance.low', 'balance.exhausted', 'refund.created') or "customer_events"."type" = 'topup.failed' and "customer_events"."data" ->> 'kind' = 'automatic');--> statement-breakpoint
-- By hand: what events told in columns of their own, they tell as data; what happened before is no news for a webhook.
UPDATE "customer_events" SET
  "data" = CASE "type" WHEN 'credential.paused' THEN jsonb_build_object('credentialId', "credential_id")
    ELSE jsonb_build_object('balanceNanos', "balance_nanos", 'thresholdNanos', "threshold_nanos") END,
  "dedupe" = concat_ws(' ', "credential_id", "balance_version"),
  "type" = CASE "type" WHEN 'credential.paused' THEN 'byok.invalid' ELSE "type" END,
  "fanned_out_at" = "created_at";--> statement-breakpoint
ALTER TABLE "customer_events" ALTER COLUMN "data" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "customer_events" DROP COLUMN "balance_nanos";--> statement-breakpoint
ALTER TABLE "customer_events" DROP COLUMN "balance_version";--> statement-breakpoint
ALTER TABLE "customer_events" DROP COLUMN "threshold_nanos";--> statement-breakpoint
ALTER TABLE "customer_events" DROP COLUMN "credential_id";--> statement-breakpoint
ALTER TABLE "customer_events" ADD CONSTRAINT "customer_events_event_id" UNIQUE("event_id");--> statement-breakpoint
ALTER TABLE "customer_events" ADD CONSTRAINT "customer_events_dedupe" UNIQUE("organization_id","type","dedupe");--> statement-breakpoint
ALTER TABLE "customer_events" ADD CONSTRAINT "customer_events_type" CHECK ("customer_events"."type" in ('balance.low', 'balance.exhausted', 'topup.succeeded', 'topup.failed', 'refund.created', 'invoice.ready', 'key.created', 'key.revoked', 'key.limit_reached', 'usage.daily_summary', 'member.added', 'member.removed', 'byok.invalid', 'route.quality_changed', 'webhook.test'));