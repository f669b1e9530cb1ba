package org.vcpusim.check;

import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.MpState;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * A vector that comes from the PIC is that of an input that has been raised, is not masked and has a higher priority than those in
 * service; and no input that has been raised waits for good.
 *
 * <p>Models {@code kvm_pic_read_irq} and {@code pic_get_irq}, arch/x86/kvm/i8259.c; Intel 8259A data sheet. The chips are known from what
 * guests write to their ports. It is judged as long as they use neither rotation nor automatic EOI, nor special masks, and one vCPU
 * programs them. Inputs are those of the default routing. A vector of input 7 may be spurious.
 */
public final class PicHandsOver extends Invariant {
    private static final int INPUTS = 16;
    private static final int SPURIOUS = 7;
    private static final int CASCADE = 2;
    private static final int NONE = -1;

    private final int[] base = new int[2];
    private final int[] mask = new int[2];
    private final int[] levels = new int[2];
    private final int[] service = new int[2];
    /** The initialisation word that is expected next, 0 for none, 1 before the first initialisation. */
    private final int[] expected = {1, 1};

    private final boolean[] four = new boolean[2];
    /** The sources that assert each input, a bit a source. */
    private final int[] high = new int[INPUTS];

    /** Edges that nobody has taken, a bit an input; what raised them last. */
    private int raised;

    private final @Nullable TraceRecord[] since = new @Nullable TraceRecord[INPUTS];
    /** Inputs that the routing leads to. */
    private int wired;

    private int programmer = NONE;
    private boolean known = true;
    /** The vector that a local APIC has handed over and that is not injected yet, by vCPU. */
    private int[] ofLapic = new int[0];

    /** One that has seen nothing. */
    public PicHandsOver() {
        super(
                "X12",
                "The PIC hands over inputs that are raised, not masked and above those in service, and each in the end",
                Tracepoint.KVM_SET_IRQ,
                Tracepoint.KVM_PIC_SET_IRQ,
                Tracepoint.KVM_PIO,
                Tracepoint.INTERRUPT_ACKNOWLEDGED,
                Tracepoint.KVM_INJ_VIRQ,
                Tracepoint.VCPU_RESET,
                Tracepoint.VCPU_AUDIT);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.any(Kind.PIC);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.IrqLineSet line) {
            if (line.gsi() < INPUTS) {
                lineSet(record, line);
            }
        } else if (event instanceof Event.InterruptAcknowledged taken) {
            setOfLapic(taken.vcpu(), taken.vector());
        } else if (event instanceof Event.InterruptInjected injected) {
            injected(record, injected);
        } else if (event instanceof Event.PicIrqSet set) {
            wired |= 1 << (set.chip() * SPURIOUS + set.chip() + set.pin());
        } else if (event instanceof Event.PioAccessed access) {
            if (access.access() == Event.Access.WRITE) {
                programmed(access);
            }
        } else if (event instanceof Event.VcpuReset) {
            known = false;
        } else if (event instanceof Event.VcpuAudited audited && audited.vcpu() == programmer) {
            audited(record, audited);
        }
    }

    private void setOfLapic(int vcpu, int vector) {
        if (vcpu >= ofLapic.length) {
            int before = ofLapic.length;
            ofLapic = Arrays.copyOf(ofLapic, vcpu + 4);
            Arrays.fill(ofLapic, before, ofLapic.length, NONE);
        }
        ofLapic[vcpu] = vector;
    }

    private void lineSet(TraceRecord record, Event.IrqLineSet line) {
        int source = 1 << line.source();
        if (line.level() == 0) {
            high[line.gsi()] &= ~source;
            return;
        }
        if (high[line.gsi()] == 0) {
            raised |= 1 << line.gsi();
            since[line.gsi()] = record;
        }
        high[line.gsi()] |= source;
    }

    private void programmed(Event.PioAccessed access) {
        int port = access.port();
        boolean isData = port == 0x21 || port == 0xa1;
        if (!isData && port != 0x20 && port != 0xa0 && port != 0x4d0 && port != 0x4d1) {
            return;
        }
        known &= programmer == NONE || programmer == access.vcpu();
        programmer = access.vcpu();
        int chip = port == 0x4d0 || port == 0x4d1 ? port & 1 : port >> 7 & 1;
        if (port >= 0x4d0) {
            levels[chip] = access.value();
        } else if (isData) {
            data(chip, access.value());
        } else {
            command(chip, access.value());
        }
    }

    private void command(int chip, int value) {
        if ((value & 0x10) != 0) {
            expected[chip] = 2;
            four[chip] = (value & 1) != 0;
            mask[chip] = 0;
            forgetEdges(chip);
        } else if (value >> 5 == 1) {
            service[chip] &= service[chip] - 1;
        } else if (value >> 5 == 3) {
            service[chip] &= ~(1 << (value & 7));
        } else {
            known = false;
        }
    }

    private void forgetEdges(int chip) {
        raised &= chip == 0 ? 0xff00 : 0xff;
    }

    private void data(int chip, int value) {
        switch (expected[chip]) {
            case 2 -> {
                base[chip] = value & 0xf8;
                expected[chip] = 3;
            }
            case 3 -> expected[chip] = four[chip] ? 4 : 0;
            case 4 -> {
                known &= (value & 0x12) == 0;
                expected[chip] = 0;
            }
            default -> mask[chip] = value;
        }
    }

    private boolean isReady() {
        return known && expected[0] == 0 && expected[1] == 0;
    }

    private void injected(TraceRecord record, Event.InterruptInjected injected) {
        boolean handed = injected.vcpu() < ofLapic.length && ofLapic[injected.vcpu()] == injected.vector();
        if (handed) {
            ofLapic[injected.vcpu()] = NONE;
        }
        if (handed || injected.reinjected() || !isReady() || injected.vcpu() != programmer) {
            return;
        }
        int input = inputOf(injected.vector());
        String vector = "vector " + Vectors.hex(injected.vector());
        if (input == NONE) {
            violated(record, vector + " comes from no local APIC, and the PIC has no such input", "");
        } else if ((input & SPURIOUS) != SPURIOUS) {
            taken(record, vector, input);
        }
    }

    private int inputOf(int vector) {
        for (int chip = 0; chip < 2; chip++) {
            if ((vector & 0xf8) == base[chip]) {
                return 8 * chip + (vector & 7);
            }
        }
        return NONE;
    }

    private boolean isRequested(int input) {
        boolean level = (levels[input >> 3] >> (input & 7) & 1) == 1;
        return level ? high[input] != 0 : (raised >> input & 1) == 1;
    }

    /** Whether the inputs in service let {@code input} through. */
    private boolean isAdmitted(int input) {
        int chip = input >> 3;
        int above = (1 << (input & 7) + 1) - 1;
        boolean own = (service[chip] & above) == 0;
        boolean master = chip == 0 || (service[0] & (1 << CASCADE + 1) - 1) == 0;
        return own && master;
    }

    private boolean isMasked(int input) {
        boolean own = (mask[input >> 3] >> (input & 7) & 1) == 1;
        return own || input >= 8 && (mask[0] >> CASCADE & 1) == 1;
    }

    private void taken(TraceRecord record, String vector, int input) {
        boolean level = (levels[input >> 3] >> (input & 7) & 1) == 1;
        if (!level && !isRequested(input)) {
            violated(record, vector + " comes from the PIC, and input " + input + " has not been raised", "");
        } else if (isMasked(input)) {
            violated(record, vector + " comes from the PIC, and input " + input + " is masked", "");
        } else if (!isAdmitted(input)) {
            String inService = "0x" + Integer.toHexString(service[0] | service[1] << 8);
            violated(record, vector + " comes from the PIC, which serves a more urgent input", "ISR " + inService);
        }
        raised &= ~(1 << input);
        service[input >> 3] |= 1 << (input & 7);
        if (input >= 8) {
            service[0] |= 1 << CASCADE;
        }
    }

    private void audited(TraceRecord record, Event.VcpuAudited audited) {
        boolean takes = audited.state() == MpState.RUNNABLE || audited.state() == MpState.HALTED;
        if (!isReady() || !takes || !audited.interruptible()) {
            return;
        }
        for (int input = 0; input < INPUTS; input++) {
            boolean waits = (wired >> input & 1) == 1 && isRequested(input) && !isMasked(input) && isAdmitted(input);
            if (waits && input != CASCADE) {
                violated(
                        record, since[input], "input " + input + " of the PIC was raised, and nobody has taken it", "");
            }
        }
    }
}
