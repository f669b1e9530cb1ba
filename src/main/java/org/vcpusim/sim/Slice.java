package org.vcpusim.sim;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.vcpusim.check.Violation;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.sim.Thing.Kind;
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
        boolean onlyTheEnd = at instanceof Event.EoiExitBitmapAudited audit
                && audit.verdict() != Event.BitmapVerdict.WRONG
                && violation.since().isPresent();
        Set<TraceRecord> named = new LinkedHashSet<>();
        violation.since().ifPresent(named::add);
        if (!onlyTheEnd) {
            named.add(violation.at());
        }
        return named;
    }

    private void looksAt(Violation violation, Set<TraceRecord> named) {
        Source source = violation.at().source();
        int vcpu = source.kind() == Source.Kind.VCPU ? source.index() : Thing.ANY;
        live.addAll(parts(violation.invariant(), vcpu));
        Event at = violation.at().event();
        boolean onlySince = at instanceof Event.BroadcastCompleted && named.size() > 1;
        named.stream()
                .filter(record -> !onlySince || !record.equals(violation.at()))
                .forEach(this::about);
        if (at instanceof Event.GuestEntered entered) {
            Stream.of(VcpuRequest.values())
                    .filter(request -> (entered.requests() >> request.bit() & 1) != 0)
                    .forEach(request -> live.add(request(entered.vcpu(), request)));
        }
    }

    private void about(TraceRecord record) {
        Effect effect = effect(record);
        live.addAll(effect.sets());
        live.addAll(effect.changes());
        live.addAll(effect.reads());
    }

    /** What an invariant looks at, apart from what its event names; {@code vcpu} is the one that it is about, or any. */
    private static List<Thing> parts(String invariant, int vcpu) {
        return switch (invariant) {
            case "I1" -> of(vcpu, Kind.BITMAP, Kind.HANDLED, Kind.SYNIC);
            case "I3", "I4" -> and(of(vcpu, Kind.HANDLED), Thing.of(Kind.ENTRY, Thing.ANY));
            case "I5" ->
                and(of(vcpu, Kind.HANDLED), Thing.of(Kind.ENTRY, Thing.ANY), request(vcpu, VcpuRequest.SCAN_IOAPIC));
            case "I9" -> of(Thing.ANY, Kind.RTC, Kind.LINE);
            case "I10" ->
                and(of(vcpu, Kind.APICV), Thing.of(Kind.INHIBITS, Thing.ANY), request(vcpu, VcpuRequest.APICV_UPDATE));
            case "I11", "L6" -> of(vcpu, Kind.BITMAP, Kind.NESTED);
            case "R5" -> of(vcpu, Kind.SLEEP);
            case "P4" -> of(vcpu, Kind.VECTOR, Kind.POSTED, Kind.APICV, Kind.NESTED);
            case "P7" -> of(vcpu, Kind.NESTED_POSTED, Kind.KICK);
            case "M1" -> of(Thing.ANY, Kind.ENTRY);
            case "H1" -> of(Thing.ANY, Kind.LINE, Kind.SENDER, Kind.ENTRY);
            default -> ofFamily(invariant, vcpu);
        };
    }

    private static List<Thing> ofFamily(String invariant, int vcpu) {
        if (invariant.startsWith("R") || invariant.equals("I2")) {
            return of(vcpu, Kind.KICK, Kind.MODE);
        }
        return invariant.startsWith("P") ? of(vcpu, Kind.VECTOR, Kind.POSTED, Kind.KICK, Kind.PLACE) : List.of();
    }

    private static List<Thing> of(int owner, Kind... kinds) {
        return Stream.of(kinds).map(kind -> Thing.of(kind, owner)).toList();
    }

    private static List<Thing> and(List<Thing> some, Thing... more) {
        return Stream.concat(some.stream(), Stream.of(more)).toList();
    }

    private static Thing request(int vcpu, VcpuRequest request) {
        return new Thing(Kind.REQUEST, vcpu, request.ordinal());
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
