/** The viewer's page, drawn. */
import { useEffect, useRef, useState } from "preact/hooks";
import { healthOf } from "../health";
import type { Stage } from "../stage";
import type { Viewer } from "../viewer";

interface Props {
  readonly viewer: Viewer;
  readonly stage: Stage;
}

export function View({ viewer, stage }: Props) {
  const [chatOpen, setChatOpen] = useState(true);
  const { page } = viewer.shared;
  return (
    <div class="app">
      <header>
        <div class="page-info">
          <strong class="title">{page.title || viewer.welcome?.site || "Co-browsing"}</strong>
          <span class="address">{page.address}</span>
        </div>
        <Health viewer={viewer} />
        <button type="button" class="toggle" aria-pressed={chatOpen} onClick={() => setChatOpen(!chatOpen)}>
          Chat
        </button>
      </header>
      <main>
        <Screen stage={stage} viewer={viewer} />
        {chatOpen && <Chat viewer={viewer} />}
      </main>
    </div>
  );
}

function Health({ viewer }: { viewer: Viewer }) {
  const [open, setOpen] = useState(false);
  const { stats } = viewer;
  const { state, path, transport, lagMs } = stats;
  const { lines, advice } = healthOf(stats, viewer.route, viewer.serverRttMs, viewer.shared.page.hidden);
  const lag = lagMs === null ? "" : lagMs < 10 ? `${lagMs.toFixed(1)} ms behind` : `${Math.round(lagMs)} ms behind`;
  return (
    <div class="health" data-health={state}>
      {advice && (
        <span class="note" role="status">
          {advice}
        </span>
      )}
      <span class={`lamp ${state}`} aria-hidden="true" />
      <span class="state">{state}</span>
      {path && (
        <button
          type="button"
          class="path"
          aria-expanded={open}
          aria-controls="health"
          title={`by ${transport}`}
          onClick={() => setOpen(!open)}
        >
          {path}
        </button>
      )}
      {state === "live" && <span class="lag">{lag}</span>}
      {open && (
        <dl class="panel" id="health">
          {lines.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
    </div>
  );
}

function Screen({ stage, viewer }: { stage: Stage; viewer: Viewer }) {
  const holder = useRef<HTMLDivElement>(null);
  useEffect(() => {
    holder.current?.prepend(stage.element);
  }, [stage]);
  const { state } = viewer;
  return (
    <div class={`screen ${state}`} ref={holder}>
      {state !== "live" && (
        <div class="notice" role="status">
          {!["denied", "ended", "failed", "paused"].includes(state) && <span class="spinner" aria-hidden="true" />}
          <p>{viewer.notice}</p>
        </div>
      )}
      {state === "live" && viewer.leftOut && <p class="left-out">{viewer.leftOut}</p>}
    </div>
  );
}

function Chat({ viewer }: { viewer: Viewer }) {
  const list = useRef<HTMLOListElement>(null);
  const { chat } = viewer.shared;
  const lines = chat.length + viewer.lines.pending.length;
  useEffect(() => {
    if (list.current) list.current.scrollTop = list.current.scrollHeight;
  }, [lines]);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const field = (event.currentTarget as HTMLFormElement).elements.namedItem("line") as HTMLInputElement;
    viewer.say(field.value);
    field.value = "";
  };
  const mine = viewer.welcome?.viewer;
  return (
    <aside class="chat">
      <ol ref={list} aria-live="polite">
        {chat.map(({ id, from, name, text }) => (
          <li key={id} class={from === mine ? "mine" : ""}>
            <span class="name">{from === mine ? "You" : name}</span>
            <span class="text">{text}</span>
          </li>
        ))}
        {viewer.lines.pending.map(({ id, text, refused }) => (
          <li key={id} class="mine pending">
            <span class="name">{refused ?? "Sending…"}</span>
            <span class="text">{text}</span>
          </li>
        ))}
        {lines === 0 && viewer.mayChat && <li class="empty">Lines you write here are seen by the visitor.</li>}
      </ol>
      <p class="writing">{viewer.volatiles.typing}</p>
      <form onSubmit={submit}>
        <input
          name="line"
          placeholder={viewer.mayChat ? "Write a line…" : ""}
          aria-label="Chat"
          autocomplete="off"
          maxLength={2000}
          disabled={!viewer.mayChat}
          onInput={() => viewer.volatiles.type()}
        />
        <button type="submit" disabled={!viewer.mayChat}>
          Send
        </button>
      </form>
    </aside>
  );
}
