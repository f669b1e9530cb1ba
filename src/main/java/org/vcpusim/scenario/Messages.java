package org.vcpusim.scenario;

import java.util.List;
import java.util.Optional;
import org.vcpusim.arch.DeliveryMode;
import org.vcpusim.arch.DestinationShorthand;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.VectorBitmap;

/**
 * The words in which scenarios describe interrupt messages, for redirection entries, the ICR and MSIs alike.
 *
 * <p>Bits 10:8 are the delivery mode and bit 15 the trigger mode in all three; bit 11 is the destination mode in two.
 */
final class Messages {
    /** Highest destination of eight bits; a broadcast for xAPICs. */
    static final int BROADCAST = 0xff;

    static final String ENTRY = "vector V [fixed|lowest|smi|nmi|init|extint] [edge|level] [to D|all]"
            + " [physical|logical] [low-active] [masked]";
    static final String LOW_HALF =
            "vector V [fixed|lowest|smi|nmi|init|extint] [edge|level] [physical|logical] [low-active] [masked]";
    static final String IPI =
            "vector V [fixed|lowest|smi|nmi|init|sipi] [edge|level] [physical|logical]" + " to D|self|all|others";
    static final String MSI = "vector V [fixed|lowest|smi|nmi|init] [edge|level] [physical|logical] [hint] to D|all";

    private static final List<String> ENTRY_MODES = List.of("fixed", "lowest", "smi", "nmi", "init", "extint");
    private static final List<String> IPI_MODES = List.of("fixed", "lowest", "smi", "nmi", "init", "sipi");
    private static final List<String> MSI_MODES = List.of("fixed", "lowest", "smi", "nmi", "init");
    private static final List<String> SHORTHANDS = List.of("self", "all", "others");

    private static final int MODE_SHIFT = 8;
    private static final int LOGICAL = 1 << 11;
    private static final int LOW_ACTIVE = 1 << 13;
    private static final int ICR_ASSERT = 1 << 14;
    private static final int LEVEL = 1 << 15;
    private static final int MASKED = 1 << 16;
    private static final int SHORTHAND_SHIFT = 18;
    private static final int ENTRY_DESTINATION_SHIFT = 24;
    private static final long MSI_BASE = 0xfee00000L;
    private static final int MSI_DESTINATION_SHIFT = 12;
    private static final long MSI_LOGICAL = 1 << 2;
    private static final long MSI_HINT = 1 << 3;

    private Messages() {}

    /** An IPI as the registers that send it want it. */
    record Ipi(int icrLow, int destination) {
        boolean hasShorthand() {
            return (icrLow >> SHORTHAND_SHIFT & 3) != DestinationShorthand.NONE.ordinal();
        }
    }

    /** An MSI's address and data. */
    record Msi(long address, int data) {}

    /** A whole entry, from all the words that are left; without a destination it goes to 0. */
    static RedirectionEntry entry(Words words) {
        int high = highHalf(entryDestination(words).orElse(0));
        return RedirectionEntry.RESET.withLowHalf(lowHalf(words, ENTRY)).withHighHalf(high);
    }

    /** The high half of an entry that goes to {@code destination}. */
    static int highHalf(int destination) {
        return destination << ENTRY_DESTINATION_SHIFT;
    }

    /** The destination of an entry: the word after {@code to}. */
    static Optional<Integer> entryDestination(Words words) {
        return words.takeWord("to", "0 to 255 or all").map(word -> destination(words, word, BROADCAST));
    }

    private static int destination(Words words, String word, int max) {
        return word.equals("all") ? BROADCAST : (int) words.numberOf("to", word, max, " or all");
    }

    /** The low half of an entry, from all the words that are left. */
    static int lowHalf(Words words, String allowed) {
        int half = common(words, ENTRY_MODES);
        half |= words.take("low-active") ? LOW_ACTIVE : 0;
        half |= words.take("masked") ? MASKED : 0;
        words.end(allowed);
        return half;
    }

    /** Vector, delivery mode, trigger mode and, where it is bit 11, destination mode. */
    private static int common(Words words, List<String> modes) {
        int vector = words.takeNumber("vector", VectorBitmap.VECTORS - 1)
                .orElseThrow(() -> words.wrong("vector", "nothing", Numbers.range(0, VectorBitmap.VECTORS - 1)));
        int code = words.takeOne(modes)
                .map(Messages::deliveryMode)
                .orElse(DeliveryMode.FIXED)
                .code();
        boolean level =
                words.takeOne(List.of("edge", "level")).filter("level"::equals).isPresent();
        boolean logical = words.takeOne(List.of("physical", "logical"))
                .filter("logical"::equals)
                .isPresent();
        return vector | code << MODE_SHIFT | (logical ? LOGICAL : 0) | (level ? LEVEL : 0);
    }

    private static DeliveryMode deliveryMode(String word) {
        return switch (word) {
            case "fixed" -> DeliveryMode.FIXED;
            case "lowest" -> DeliveryMode.LOWEST_PRIORITY;
            case "smi" -> DeliveryMode.SMI;
            case "nmi" -> DeliveryMode.NMI;
            case "init" -> DeliveryMode.INIT;
            case "sipi" -> DeliveryMode.SIPI;
            case "extint" -> DeliveryMode.EXTINT;
            default -> throw new IllegalArgumentException("mode = " + word + ": must be in the tables above");
        };
    }

    /** An IPI; {@code max} is the highest destination that the sender's mode can name. */
    static Ipi ipi(Words words, long max) {
        String must = Numbers.range(0, max) + ", self, all or others";
        String to = words.takeWord("to", must).orElseThrow(() -> words.wrong("to", "nothing", must));
        int low = common(words, IPI_MODES) | ICR_ASSERT;
        words.end(IPI);
        if (SHORTHANDS.contains(to)) {
            return new Ipi(low | shorthand(to).ordinal() << SHORTHAND_SHIFT, 0);
        }
        return new Ipi(low, (int) words.numberOf("to", to, max, ", self, all or others"));
    }

    private static DestinationShorthand shorthand(String word) {
        return switch (word) {
            case "self" -> DestinationShorthand.SELF;
            case "all" -> DestinationShorthand.ALL;
            default -> DestinationShorthand.ALL_BUT_SELF;
        };
    }

    /** An MSI; {@code max} is the highest destination that the machine's MSIs can name. */
    static Msi msi(Words words, int max) {
        String must = Numbers.range(0, max) + " or all";
        String to = words.takeWord("to", must).orElseThrow(() -> words.wrong("to", "nothing", must));
        int destination = to.equals("all") && max > BROADCAST ? -1 : destination(words, to, max);
        int data = common(words, MSI_MODES);
        long address = MSI_BASE
                | (long) (destination & BROADCAST) << MSI_DESTINATION_SHIFT
                | (long) (destination & ~BROADCAST) << 32
                | ((data & LOGICAL) != 0 ? MSI_LOGICAL : 0)
                | (words.take("hint") ? MSI_HINT : 0);
        words.end(MSI);
        return new Msi(address, data & ~LOGICAL);
    }
}
