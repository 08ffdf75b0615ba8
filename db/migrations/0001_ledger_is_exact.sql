CREATE TABLE "customer_events" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "customer_events_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"organization_id" text NOT NULL,
	"type" text NOT NULL,
	"balance_nanos" bigint NOT NULL,
	"balance_version" bigint NOT NULL,
	"threshold_nanos" bigint NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "customer_events_movement" UNIQUE("organization_id","type","balance_version"),
	CONSTRAINT "customer_events_type" CHECK ("customer_events"."type" in ('balance.low', 'balance.exhausted'))
);
--> statement-breakpoint
CREATE TABLE "reconciliation_findings" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "reconciliation_findings_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"reconciliation_id" bigint NOT NULL,
	"organization_id" text NOT NULL,
	"kind" text NOT NULL,
	"subject" text,
	"expected" text NOT NULL,
	"found" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "reconciliations" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "reconciliations_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"finished_at" timestamp with time zone,
	"customers" integer DEFAULT 0 NOT NULL,
	"findings" integer DEFAULT 0 NOT NULL,
	"resumes_after" text
);
--> statement-breakpoint
ALTER TABLE "models" ADD COLUMN "tokenizer" text DEFAULT 'unknown' NOT NULL;--> statement-breakpoint
ALTER TABLE "organizations" ADD COLUMN "low_balance_nanos" bigint;--> statement-breakpoint
ALTER TABLE "customer_events" ADD CONSTRAINT "customer_events_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "reconciliation_findings" ADD CONSTRAINT "reconciliation_findings_reconciliation_id_reconciliations_id_fk" FOREIGN KEY ("reconciliation_id") REFERENCES "public"."reconciliations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "customer_events_organization" ON "customer_events" USING btree ("organization_id","id");--> statement-breakpoint
CREATE INDEX "reconciliation_findings_run" ON "reconciliation_findings" USING btree ("reconciliation_id");--> statement-breakpoint
ALTER TABLE "models" ADD CONSTRAINT "models_tokenizer" CHECK ("models"."tokenizer" in ('o200k_base', 'unknown'));--> statement-breakpoint
ALTER TABLE "organizations" ADD CONSTRAINT "organizations_low_balance_range" CHECK ("organizations"."low_balance_nanos" between 0 and 4500000000000000);