package org.vcpusim.sim;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.vcpusim.check.Invariants;
import org.vcpusim.check.Thing;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.check.Violation;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Rules;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.Source;
import org.vcpusim.trace.TraceRecord;

/**
 * The events of a run that lead to a violation: backwards from it, those that change what it looks at, and those that change
 * what these look at.
 *
 * <p>A slice in the sense of B. Korel and J. Laski, "Dynamic Program Slicing" (Information Processing Letters, 1988), over
 * events in place of statements.
 */
final class Slice {
    private final List<Thing> live = new ArrayList<>();
    /** What a later event of the slice has set, whatever it was before. */
    private final List<Thing> settled = new ArrayList<>();

    private Slice() {}

    /** Positions in {@code records} of those that lead to {@code violation}. */
    static BitSet of(List<TraceRecord> records, Violation violation) {
        Slice slice = new Slice();
        Set<TraceRecord> named = named(violation);
        slice.looksAt(violation, named);
        BitSet leads = new BitSet(records.size());
        for (int i = records.size() - 1; i >= 0; i--) {
            TraceRecord record = records.get(i);
            boolean before = record.order() < violation.at().order();
            if (named.contains(record) || before && slice.isChangedBy(record)) {
                leads.set(i);
                slice.before(record);
            }
        }
        return leads;
    }

    /** The records that {@code violation} is about; not the one that only says that the end has come. */
    private static Set<TraceRecord> named(Violation violation) {
        Event at = violation.at().event();
        boolean wrong = at instanceof Event.EoiExitBitmapAudited audit && audit.verdict() == Event.BitmapVerdict.WRONG;
        boolean onlyTheEnd =
                StoryWords.isAudit(at) && !wrong && violation.since().isPresent();
        Set<TraceRecord> named = new LinkedHashSet<>();
        violation.since().ifPresent(named::add);
        if (!onlyTheEnd) {
            named.add(violation.at());
        }
        return named;
    }

    private void looksAt(Violation violation, Set<TraceRecord> named) {
        live.addAll(judged(violation));
        Event at = violation.at().event();
        boolean onlySince = at instanceof Event.BroadcastCompleted && named.size() > 1;
        named.stream()
                .filter(record -> !onlySince || !record.equals(violation.at()))
                .forEach(this::about);
        if (at instanceof Event.GuestEntered entered) {
            Stream.of(VcpuRequest.values())
                    .filter(request -> (entered.requests() >> request.bit() & 1) != 0)
                    .forEach(request -> live.add(Thing.request(entered.vcpu(), request)));
        }
    }

    /** What the rule that {@code violation} broke looks at. */
    static List<Thing> judged(Violation violation) {
        Set<TraceRecord> named = named(violation);
        int vcpu = vcpu(violation, named);
        int pin = pin(named);
        return Invariants.only(violation.invariant(), Rules.UPSTREAM).list().stream()
                .flatMap(rule -> rule.looksAt().stream())
                .map(thing -> thing.about(vcpu, pin))
                .toList();
    }

    /** The vCPU that {@code violation} is about: that of the last record it names, else whose thread has recorded that. */
    private static int vcpu(Violation violation, Set<TraceRecord> named) {
        int vcpu = Thing.ANY;
        for (TraceRecord record : named) {
            vcpu = record.event() instanceof Event.OfVcpu of ? of.vcpu() : vcpu;
        }
        Source source = violation.at().source();
        return vcpu == Thing.ANY && source.kind() == Source.Kind.VCPU ? source.index() : vcpu;
    }

    /** The pin that {@code named} are about, or any. */
    private static int pin(Set<TraceRecord> named) {
        return named.stream()
                .map(record -> effect(record))
                .flatMap(effect -> Stream.of(effect.sets(), effect.changes(), effect.reads()))
                .flatMap(List::stream)
                .filter(thing -> thing.kind() == Kind.LINE || thing.kind() == Kind.ENTRY)
                .mapToInt(Thing::owner)
                .filter(owner -> owner != Thing.ANY)
                .findFirst()
                .orElse(Thing.ANY);
    }

    private void about(TraceRecord record) {
        Effect effect = effect(record);
        live.addAll(effect.sets());
        live.addAll(effect.changes());
        live.addAll(effect.reads());
    }

    private boolean isChangedBy(TraceRecord record) {
        Effect effect = effect(record);
        return effect.sets().stream().anyMatch(this::matters)
                || effect.changes().stream().anyMatch(this::matters);
    }

    private boolean matters(Thing changed) {
        return live.stream().anyMatch(changed::meets) && settled.stream().noneMatch(set -> set.covers(changed));
    }

    private static Effect effect(TraceRecord record) {
        return Effect.of(record.source(), record.event());
    }

    /** Goes back behind {@code record}. */
    private void before(TraceRecord record) {
        Effect effect = effect(record);
        settled.addAll(effect.sets());
        for (Thing read : effect.reads()) {
            settled.removeIf(read::meets);
            if (live.stream().noneMatch(thing -> thing.covers(read))) {
                live.add(read);
            }
        }
    }
}
