import { Link } from "@tanstack/react-router";
import { Compass } from "lucide-react";
import { buttonClass } from "../kit/button.js";
import { Empty } from "../kit/empty.js";
import { Page } from "../kit/page.js";
import { t } from "../strings.js";

export function Missing() {
  return (
    <Page title={t.missing.title}>
      <Empty icon={Compass} title={t.missing.title}>
        <p>{t.missing.text}</p>
        <Link to="/" className={buttonClass()}>
          {t.missing.home}
        </Link>
      </Empty>
    </Page>
  );
}
