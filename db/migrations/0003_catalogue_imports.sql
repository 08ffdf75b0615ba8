-- The table is made by drizzle-kit; by hand: what refuses to change a price.
CREATE TABLE "catalogue_imports" (
	"id" integer PRIMARY KEY NOT NULL,
	"forced" boolean NOT NULL,
	"actor" text NOT NULL,
	"imported_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE FUNCTION "refuse_price_change"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'price versions are never changed: insert a newer one' USING ERRCODE = 'check_violation', CONSTRAINT = 'price_versions_immutable';
END
$$;
--> statement-breakpoint
CREATE TRIGGER "price_versions_immutable" BEFORE UPDATE OR DELETE OR TRUNCATE ON "price_versions" FOR EACH STATEMENT EXECUTE FUNCTION "refuse_price_change"();