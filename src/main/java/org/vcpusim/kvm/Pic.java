package org.vcpusim.kvm;

import java.util.ArrayList;
import java.util.List;

/**
 * The pair of 8259 interrupt controllers, as far as machines with the default routing need it.
 *
 * <p>Source: arch/x86/kvm/i8259.c. Where the service of an input ends, ack notifiers run with the lock dropped, in the middle of
 * the operation; so such an operation is cut in two {@link Step}s.
 *
 * @param output whether the master asks for an interrupt
 * @param shown what vCPUs know of it
 * @param wakeupNeeded whether it has begun to ask since vCPUs were last told
 * @param irqStates asserting sources of each of the 16 inputs
 */
record Pic(
        PicChip master, PicChip slave, boolean output, boolean shown, boolean wakeupNeeded, List<Integer> irqStates) {
    static final int INPUTS = 16;

    private static final int CASCADE = 2;
    private static final int SPURIOUS = 7;
    private static final int MASTER_ELCR = 0xf8;
    private static final int SLAVE_ELCR = 0xde;

    Pic {
        irqStates = List.copyOf(irqStates);
    }

    static Pic reset() {
        return new Pic(PicChip.RESET, PicChip.RESET, false, false, false, java.util.Collections.nCopies(INPUTS, 0));
    }

    /** What is left of an operation when ack notifiers have run. */
    enum Rest {
        NONE,
        /** The output is worked out anew. */
        UPDATE,
        /** The slave acknowledges too. */
        ACKNOWLEDGE_SLAVE
    }

    /** What an operation leaves behind: the inputs whose service it ended, what is left of it, and what it returns. */
    record Step(Pic pic, List<Integer> ended, Rest rest, int value) {
        Step {
            ended = List.copyOf(ended);
        }
    }

    private Step done(int value) {
        return new Step(this, List.of(), Rest.NONE, value);
    }

    /** An operation that ends with an update of the output, after the notifiers where service ended. */
    private Step updatedAfter(List<Integer> ended, int value) {
        return ended.isEmpty() ? updated().done(value) : new Step(this, ended, Rest.UPDATE, value);
    }

    /** Whether the PIC answers at {@code port}. */
    static boolean claims(int port) {
        return port == 0x20 || port == 0x21 || port == 0xa0 || port == 0xa1 || port == 0x4d0 || port == 0x4d1;
    }

    PicChip chip(int index) {
        return index == 0 ? master : slave;
    }

    private Pic withChip(int index, PicChip chip) {
        return index == 0
                ? new Pic(chip, slave, output, shown, wakeupNeeded, irqStates)
                : new Pic(master, chip, output, shown, wakeupNeeded, irqStates);
    }

    /** {@code kvm_pic_set_irq}: input 0 to 15 from {@code source} to {@code level}. */
    Step setInput(int input, int source, int level) {
        List<Integer> states = new ArrayList<>(irqStates);
        int before = states.get(input);
        states.set(input, level == 0 ? before & ~(1 << source) : before | 1 << source);
        int line = states.get(input) == 0 ? 0 : 1;
        PicChip chip = chip(input >> 3);
        int result = chip.lineResult(input & 7, line);
        Pic next = new Pic(master, slave, output, shown, wakeupNeeded, states)
                .withChip(input >> 3, chip.withLine(input & 7, line));
        return next.updated().done(result);
    }

    /** {@code pic_update_irq}: the slave's request reaches the master, the master's the processor. */
    Pic updated() {
        PicChip m = master;
        if (slave.pendingInput(0) >= 0) {
            m = m.withLine(CASCADE, 1).withLine(CASCADE, 0);
        }
        boolean asks = masterInput(m) >= 0;
        return new Pic(m, slave, asks, shown, wakeupNeeded || asks && !output, irqStates);
    }

    private static int masterInput(PicChip master) {
        return master.pendingInput(master.specialFullyNested() ? 1 << CASCADE : 0);
    }

    /** The vCPUs have been told of the output. */
    Pic told() {
        return new Pic(master, slave, output, output, false, irqStates);
    }

    /** {@code kvm_pic_read_irq}: the processor acknowledges; the value is the vector. */
    Step acknowledge() {
        Pic taken = new Pic(master, slave, false, shown, wakeupNeeded, irqStates);
        int input = masterInput(master);
        if (input < 0) {
            return taken.updated().done(master.irqBase() + SPURIOUS);
        }
        Pic next = taken.withChip(0, master.acknowledged(input));
        List<Integer> ended = autoEnded(master, input);
        if (input != CASCADE) {
            return next.updatedAfter(ended, master.irqBase() + input);
        }
        return ended.isEmpty() ? next.acknowledgeSlave() : new Step(next, ended, Rest.ACKNOWLEDGE_SLAVE, 0);
    }

    /** The slave's share of an acknowledgement, when the master's input was the cascade. */
    Step acknowledgeSlave() {
        int input = slave.pendingInput(0);
        if (input < 0) {
            return updated().done(slave.irqBase() + SPURIOUS);
        }
        Pic next = withChip(1, slave.acknowledged(input));
        return next.updatedAfter(autoEnded(slave, input + INPUTS / 2), slave.irqBase() + input);
    }

    private static List<Integer> autoEnded(PicChip chip, int input) {
        return chip.autoEoi() ? List.of(input) : List.of();
    }

    /** A byte written to {@code port}; {@code acceptor} says whether any local APIC takes the PIC's interrupts. */
    Step write(int port, int value, Acceptor acceptor) {
        int index = port >> 7 & 1;
        return switch (port) {
            case 0x20, 0xa0 -> writeCommand(index, value, acceptor);
            case 0x21, 0xa1 -> writeData(index, value);
            case 0x4d0 -> withChip(0, master.withElcr(value & MASTER_ELCR)).done(0);
            default -> withChip(1, slave.withElcr(value & SLAVE_ELCR)).done(0);
        };
    }

    /** Whether some local APIC takes the PIC's interrupts. */
    enum Acceptor {
        SOME,
        NONE
    }

    private Step writeCommand(int index, int value, Acceptor acceptor) {
        PicChip chip = chip(index);
        if ((value & 0x10) != 0) {
            return initialise(index, value, acceptor);
        }
        if ((value & 8) != 0) {
            return withChip(index, chip.commanded3(value)).done(0);
        }
        int command = value >> 5 & 7;
        int named = value & 7;
        return switch (command) {
            case 0, 4 -> withChip(index, chip.withRotateOnAutoEoi(command)).done(0);
            case 1, 5 -> endHighest(index, command);
            case 3 -> end(index, named, chip);
            case 6 ->
                withChip(index, chip.withPriorityAdd(named + 1 & 7)).updated().done(0);
            case 7 -> end(index, named, chip.withPriorityAdd(named + 1 & 7));
            default -> done(0);
        };
    }

    private Step initialise(int index, int value, Acceptor acceptor) {
        PicChip chip = chip(index);
        int edges = chip.irr() & ~chip.elcr();
        PicChip next = chip.initialised(value);
        List<Integer> ended = new ArrayList<>();
        if (acceptor == Acceptor.SOME) {
            for (int input = 0; input < INPUTS / 2; input++) {
                if ((edges & 1 << input) != 0) {
                    next = next.ended(input);
                    ended.add(input + 8 * index);
                }
            }
        }
        return new Step(withChip(index, next), ended, Rest.NONE, 0);
    }

    private Step endHighest(int index, int command) {
        PicChip chip = chip(index);
        int priority = chip.priorityOf(chip.isr());
        if (priority == PicChip.NO_PRIORITY) {
            return done(0);
        }
        int input = chip.inputAt(priority);
        return end(index, input, command == 5 ? chip.withPriorityAdd(input + 1 & 7) : chip);
    }

    private Step end(int index, int input, PicChip chip) {
        return withChip(index, chip.ended(input)).updatedAfter(List.of(input + 8 * index), 0);
    }

    private Step writeData(int index, int value) {
        PicChip chip = chip(index);
        if (chip.initState() == 0) {
            return withChip(index, chip.withImr(value)).updated().done(0);
        }
        return withChip(index, chip.initialisationWord(value)).done(0);
    }

    /** A byte read from {@code port}. */
    Step read(int port) {
        if (port >= 0x4d0) {
            return done(chip(port & 1).elcr());
        }
        int index = port >> 7 & 1;
        PicChip chip = chip(index);
        if (chip.poll()) {
            return poll(index);
        }
        int command = chip.readIsr() ? chip.isr() : chip.irr();
        return done((port & 1) == 0 ? command : chip.imr());
    }

    private Step poll(int index) {
        int input = index == 0 ? masterInput(master) : slave.pendingInput(0);
        if (input < 0) {
            return withChip(index, chip(index).polled()).updated().done(SPURIOUS);
        }
        Pic next = this;
        if (index == 1) {
            int cascade = 1 << CASCADE;
            next = withChip(0, master.withService(master.irr() & ~cascade, master.isr() & ~cascade));
        }
        PicChip chip = next.chip(index).polled();
        int bit = 1 << input;
        next = next.withChip(index, chip.withService(chip.irr() & ~bit, chip.isr() & ~bit));
        Rest rest = index == 1 || input != CASCADE ? Rest.UPDATE : Rest.NONE;
        return new Step(next, List.of(input + 8 * index), rest, 0x80 | input);
    }
}
